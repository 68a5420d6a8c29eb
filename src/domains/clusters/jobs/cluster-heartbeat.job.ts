import { Injectable } from '@nestjs/common';
import { systemContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { againAfter, DONE, type JobHandler, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import { KubernetesError } from '../../../platform/kubernetes/kubernetes-errors.js';
import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';
import { servesType } from '../../../platform/kubernetes/served-types.js';
import { ClusterConnections } from '../cluster/cluster-connections.js';
import { clusterConditions, engineCondition, isLost } from '../cluster-health.policy.js';
import { kubernetesVersionOf } from '../kubernetes-version.policy.js';
import { PLACEMENT_JOB } from '../placement-job.js';
import { PLACEMENT_STATES, WANTED } from '../placement-states.js';
import type { ClusterEntity } from '../store/cluster.entity.js';
import { ClustersRepository } from '../store/clusters.repository.js';
import { PlacementsRepository } from '../store/placements.repository.js';

/** Kind of the job that asks a cluster whether it is there; its key is the cluster's id. */
export const CLUSTER_HEARTBEAT_JOB = 'cluster-heartbeat';

const EVERY_MS = 15_000;
/** Work waits for its answer. */
const WHILE_FAILING_MS = 3_000;
const TIMEOUT_MS = 5_000;
/** Over which the tenants of a lost or regained cluster are looked at. */
const SPREAD_MS = 10_000;

/** Keeps `kubernetes`, `heartbeat_at`, `message` and the conditions of a cluster's row true. */
@Injectable()
export class ClusterHeartbeatJob implements JobHandler {
  readonly kind = CLUSTER_HEARTBEAT_JOB;
  readonly concurrency = 16;
  private readonly context = systemContext(CLUSTER_HEARTBEAT_JOB);

  constructor(
    private readonly database: Database,
    private readonly clusters: ClustersRepository,
    private readonly placements: PlacementsRepository,
    private readonly connections: ClusterConnections,
  ) {}

  async handle(id: string, signal: AbortSignal): Promise<JobOutcome> {
    const cluster = await this.clusters.find(this.context, id);
    if (!cluster) return DONE;
    const client = this.connections.get(id);
    // Another worker's cluster: that one will find the key again.
    if (!client) return againAfter(EVERY_MS / 10);
    try {
      const version = kubernetesVersionOf(await client.raw('GET', '/version', { timeoutMs: TIMEOUT_MS, signal }));
      const argo = cluster.rolloutEngine === 'argo' ? await servesType(client, RESOURCE.rollout, { timeoutMs: TIMEOUT_MS, signal }) : undefined;
      await this.write(cluster, { kubernetes: version, failure: null, argo });
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      if (!signal.aborted) await this.write(cluster, { failure: error.message.slice(0, 1_000) });
      return againAfter(WHILE_FAILING_MS);
    }
    return againAfter(EVERY_MS);
  }

  private async write(cluster: ClusterEntity, { kubernetes, failure, argo }: { kubernetes?: string; failure: string | null; argo?: boolean | undefined }): Promise<void> {
    const now = new Date();
    const beat = {
      message: failure, attemptedAt: now, conditions: engineCondition(clusterConditions(cluster, failure, now), cluster.rolloutEngine, argo, now), ...(failure === null ? { heartbeatAt: now } : {}), ...(kubernetes === undefined ? {} : { kubernetes }),
    };
    this.connections.heard(cluster.id, failure !== null);
    await this.database.transaction(this.context, async () => {
      await this.clusters.writeHeartbeat(this.context, cluster.id, beat);
      const regained = failure === null && cluster.message !== null;
      if (regained) await this.placements.enqueueAllOn(this.context, cluster.id, PLACEMENT_STATES, PLACEMENT_JOB, SPREAD_MS);
      // With each beat: the change is missed by nobody, and those who have left already are not asked.
      else if (isLost({ ...cluster, ...beat }, now)) await this.placements.enqueueAllOn(this.context, cluster.id, [...WANTED], PLACEMENT_JOB, SPREAD_MS);
    });
  }
}
