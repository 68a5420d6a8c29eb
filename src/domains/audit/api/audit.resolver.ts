import { Args, ID, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Caller, RequirePlatform, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import type { Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { AuditService } from '../audit.service.js';
import { AuditEntryConnection, AuditEntryModel, PlatformAuditEntriesArgs, TenantAuditEntriesArgs } from './audit-entry.model.js';
import { toAuditConnection } from './audit.mapper.js';

@Resolver(() => AuditEntryModel)
export class AuditResolver {
  constructor(private readonly audit: AuditService) {}

  @Query(() => AuditEntryConnection, { name: 'auditEntries', description: 'What was changed in a tenant, and what was refused; newest first.' })
  @RequireTenant('audit:read')
  async list(@Tenant() context: TenantContext, @Args() args: TenantAuditEntriesArgs): Promise<Connection<AuditEntryModel>> {
    return toAuditConnection(await this.audit.list(context, args.toPage(), args.toFilter()), args);
  }

  @Query(() => AuditEntryConnection, { name: 'platformAuditEntries', description: 'The same over all tenants, with the platform\'s own entries.' })
  @RequirePlatform('audit:read')
  async listAll(@Caller() caller: SystemContext, @Args() args: PlatformAuditEntriesArgs): Promise<Connection<AuditEntryModel>> {
    return toAuditConnection(await this.audit.listAll(caller, args.toPage(), args.toFilter()), args);
  }

  // Entries of the platform have no tenant: whoever was given the entry may know its id.
  @ResolveField(() => ID, { name: 'id' })
  @RequirePlatform('authenticated')
  nodeId(@Parent() entry: AuditEntryModel): string {
    return encodeGlobalId('AuditEntry', entry.tenantId ?? '', entry.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequirePlatform('authenticated')
  uuid(@Parent() entry: AuditEntryModel): string {
    return entry.id;
  }
}
