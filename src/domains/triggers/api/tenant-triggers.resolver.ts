import { Args, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { RequireParent, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { NamedConnectionArgs, TenantModel } from '../../tenants/api/tenant.model.js';
import { TriggersService } from '../triggers.service.js';
import { toTriggerModel } from './trigger.mapper.js';
import type { TriggerModel } from './trigger.model.js';
import { TriggerConnection } from './triggers.resolver.js';

/** A tenant's triggers, from the tenant. */
@Resolver(() => TenantModel)
export class TenantTriggersResolver {
  constructor(private readonly triggers: TriggersService) {}

  @ResolveField(() => TriggerConnection, { name: 'triggers' })
  @RequireParent('functions:read')
  async list(@Tenant() context: TenantContext, @Parent() _tenant: TenantModel, @Args() args: NamedConnectionArgs): Promise<Connection<TriggerModel>> {
    return toConnection(await this.triggers.list(context, args.toPage(), args.name ?? undefined), args, toTriggerModel);
  }
}
