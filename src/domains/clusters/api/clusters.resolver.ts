import { Args, ID, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Caller, RequirePlatform } from '../../../platform/auth/authorization.js';
import type { SystemContext } from '../../../platform/context/context.js';
import { toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { PlatformNodeOf } from '../../../platform/graphql/node.js';
import { NamedConnectionArgs } from '../../tenants/api/tenant.model.js';
import { ClustersService } from '../clusters.service.js';
import { toClusterModel } from './cluster.mapper.js';
import { ClusterConnection, ClusterModel } from './cluster.model.js';

@Resolver(() => ClusterModel)
export class ClustersResolver {
  constructor(private readonly clusters: ClustersService) {}

  @Query(() => ClusterModel, { description: 'One cluster, by name or UUID.' })
  @RequirePlatform('clusters:read')
  async cluster(@Caller() caller: SystemContext, @Args('cluster') cluster: string): Promise<ClusterModel> {
    return toClusterModel(await this.clusters.withUse(caller, await this.clusters.get(caller, cluster)));
  }

  @Query(() => ClusterConnection, { name: 'clusters' })
  @RequirePlatform('clusters:read')
  async list(@Caller() caller: SystemContext, @Args() args: NamedConnectionArgs): Promise<Connection<ClusterModel>> {
    return toConnection(await this.clusters.page(caller, args.toPage(), args.name ?? undefined), args, toClusterModel);
  }

  @PlatformNodeOf('Cluster', 'clusters:read')
  async byNodeId(caller: SystemContext, id: string): Promise<ClusterModel> {
    return toClusterModel(await this.clusters.withUse(caller, await this.clusters.get(caller, id)));
  }

  @ResolveField(() => ID, { name: 'id' })
  @RequirePlatform('clusters:read')
  nodeId(@Parent() cluster: ClusterModel): string {
    return encodeGlobalId('Cluster', '', cluster.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequirePlatform('clusters:read')
  uuid(@Parent() cluster: ClusterModel): string {
    return cluster.id;
  }
}
