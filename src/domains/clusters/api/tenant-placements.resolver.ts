import { Args, ResolveField, Resolver } from '@nestjs/graphql';
import { RequireParent, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ConnectionArgs, toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { TenantModel } from '../../tenants/api/tenant.model.js';
import { PlacementsService } from '../placements.service.js';
import { toPlacementModel } from './cluster.mapper.js';
import { PlacementConnection, type PlacementModel } from './placement.model.js';

/** Where a tenant is placed. */
@Resolver(() => TenantModel)
export class TenantPlacementsResolver {
  constructor(private readonly service: PlacementsService) {}

  @ResolveField(() => PlacementConnection)
  @RequireParent('tenant:read')
  async placements(@Tenant() context: TenantContext, @Args() args: ConnectionArgs): Promise<Connection<PlacementModel>> {
    return toConnection(await this.service.page(context, args.toPage()), args, toPlacementModel);
  }
}
