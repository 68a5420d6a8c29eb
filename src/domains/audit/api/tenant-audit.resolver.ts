import { Args, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { RequireParent, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import type { Connection } from '../../../platform/graphql/connection.js';
import { TenantModel } from '../../tenants/api/tenant.model.js';
import { AuditService } from '../audit.service.js';
import { AuditEntriesArgs, AuditEntryConnection, type AuditEntryModel } from './audit-entry.model.js';
import { toAuditConnection } from './audit.mapper.js';

/** A tenant's audit log, from the tenant. */
@Resolver(() => TenantModel)
export class TenantAuditResolver {
  constructor(private readonly audit: AuditService) {}

  @ResolveField(() => AuditEntryConnection, { name: 'auditEntries', description: 'Newest first.' })
  @RequireParent('audit:read')
  async ofTenant(@Tenant() context: TenantContext, @Parent() _tenant: TenantModel, @Args() args: AuditEntriesArgs): Promise<Connection<AuditEntryModel>> {
    return toAuditConnection(await this.audit.list(context, args.toPage(), args.toFilter()), args);
  }
}
