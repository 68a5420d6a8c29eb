import { Args, ID, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { RequireParent, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { TenantConnectionArgs, toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { NodeOf } from '../../../platform/graphql/node.js';
import { placementNotFound } from '../clusters.errors.js';
import { PlacementsService } from '../placements.service.js';
import { toPlacementModel } from './cluster.mapper.js';
import { PlacementConnection, PlacementModel } from './placement.model.js';

@Resolver(() => PlacementModel)
export class PlacementsResolver {
  constructor(private readonly placements: PlacementsService) {}

  @Query(() => PlacementConnection, { name: 'placements' })
  @RequireTenant('tenant:read')
  async list(@Tenant() context: TenantContext, @Args() args: TenantConnectionArgs): Promise<Connection<PlacementModel>> {
    return toConnection(await this.placements.page(context, args.toPage()), args, toPlacementModel);
  }

  @NodeOf('Placement', 'tenant:read')
  async byNodeId(context: TenantContext, id: string): Promise<PlacementModel> {
    const found = (await this.placements.withClusters(context)).find(({ cluster }) => cluster.id === id);
    if (!found) throw placementNotFound();
    return toPlacementModel(found);
  }

  @ResolveField(() => ID, { name: 'id' })
  @RequireParent('tenant:read')
  nodeId(@Parent() placement: PlacementModel): string {
    return encodeGlobalId('Placement', placement.tenantId, placement.clusterId);
  }
}
