import { Injectable } from '@nestjs/common';
import { systemContext, type TenantContext } from '../../platform/context/context.js';
import { PlacementReconciler } from './cluster/placement.reconciler.js';
import { ClusterAttempt } from './cluster-attempt.js';
import { placementConditions, removing, type PlacementProblem } from './placement-conditions.policy.js';
import type { PlacementWithCluster } from './placements.service.js';
import { PlacementsRepository } from './store/placements.repository.js';

/** Takes a tenant's things off a cluster, and the row after them. */
@Injectable()
export class PlacementRemoval {
  private readonly system = systemContext('placement');

  constructor(
    private readonly rows: PlacementsRepository,
    private readonly reconciler: PlacementReconciler,
    private readonly attempts: ClusterAttempt,
  ) {}

  /** To be called until it answers nothing: then nothing is left. Never waits. @returns what it waits for */
  async remove(context: TenantContext, { placement, cluster }: PlacementWithCluster): Promise<PlacementProblem | undefined> {
    const outcome = await this.attempts.run(cluster, (client) => this.reconciler.remove(client, placement.tenantId, placement.namespaceUid));
    if ('gone' in outcome && outcome.gone) {
      await this.rows.remove(this.system, placement.tenantId, cluster.id);
      return undefined;
    }
    const problem = 'reason' in outcome ? outcome : removing(cluster.name, outcome.message);
    const conditions = placementConditions(placement.conditions, problem, new Date());
    if (placement.state !== 'deleting' || conditions !== placement.conditions) await this.rows.markDeleting(context, cluster.id, conditions);
    return problem;
  }
}
