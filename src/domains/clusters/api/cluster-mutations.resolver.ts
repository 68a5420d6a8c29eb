import { Args, Mutation, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { Caller, RequirePlatform } from '../../../platform/auth/authorization.js';
import type { SystemContext } from '../../../platform/context/context.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { ClusterAdministrationService } from '../cluster-administration.service.js';
import { ClustersService } from '../clusters.service.js';
import type { ClusterState } from '../placement-states.js';
import { toClusterPayload } from './cluster.mapper.js';
import { ChangeClusterInput, ClusterInput, ClusterPayload, RegisterClusterInput } from './cluster.model.js';

/** What operators of the platform do with clusters. */
@Resolver()
export class ClusterMutationsResolver {
  constructor(
    private readonly clusters: ClustersService,
    private readonly administration: ClusterAdministrationService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Mutation(() => ClusterPayload, { description: 'Registers a cluster that answers with the kubeconfig given.' })
  @RequirePlatform('clusters:manage')
  @Audited('cluster.create')
  registerCluster(@Caller() caller: SystemContext, @Args('input') input: RegisterClusterInput): Promise<ClusterPayload> {
    return this.mutations.run(caller, 'registerCluster', input, async () => toClusterPayload(await this.clusters.withUse(caller, await this.administration.register(caller, input.cluster))));
  }

  @Mutation(() => ClusterPayload)
  @RequirePlatform('clusters:manage')
  @Audited('cluster.update')
  changeCluster(@Caller() caller: SystemContext, @Args('input') input: ChangeClusterInput): Promise<ClusterPayload> {
    return this.mutations.run(caller, 'changeCluster', input, async () => toClusterPayload(await this.clusters.withUse(caller, await this.administration.change(caller, input.cluster, input.change, input.ifMatch))));
  }

  @Mutation(() => ClusterPayload, { description: 'Deletes a cluster that nobody is placed on.' })
  @RequirePlatform('clusters:manage')
  @Audited('cluster.delete')
  deleteCluster(@Caller() caller: SystemContext, @Args('input') input: ClusterInput): Promise<ClusterPayload> {
    return this.mutations.run(caller, 'deleteCluster', input, async () => toClusterPayload(await this.clusters.withUse(caller, await this.administration.delete(caller, input.cluster, input.ifMatch))));
  }

  @Mutation(() => ClusterPayload, { description: 'The cluster takes no new tenants.' })
  @RequirePlatform('clusters:manage')
  @Audited('cluster.cordon')
  cordonCluster(@Caller() caller: SystemContext, @Args('input') input: ClusterInput): Promise<ClusterPayload> {
    return this.setState(caller, 'cordonCluster', input, 'cordoned');
  }

  @Mutation(() => ClusterPayload, { description: 'The cluster takes tenants again.' })
  @RequirePlatform('clusters:manage')
  @Audited('cluster.uncordon')
  uncordonCluster(@Caller() caller: SystemContext, @Args('input') input: ClusterInput): Promise<ClusterPayload> {
    return this.setState(caller, 'uncordonCluster', input, 'active');
  }

  @Mutation(() => ClusterPayload, { description: 'The cluster takes no new tenants, and gives its own to others as soon as they are ready there.' })
  @RequirePlatform('clusters:manage')
  @Audited('cluster.drain')
  drainCluster(@Caller() caller: SystemContext, @Args('input') input: ClusterInput): Promise<ClusterPayload> {
    return this.setState(caller, 'drainCluster', input, 'draining');
  }

  private setState(caller: SystemContext, mutation: string, input: ClusterInput, state: ClusterState): Promise<ClusterPayload> {
    return this.mutations.run(caller, mutation, input, async () => toClusterPayload(await this.clusters.withUse(caller, await this.administration.setState(caller, input.cluster, state, input.ifMatch))));
  }
}
