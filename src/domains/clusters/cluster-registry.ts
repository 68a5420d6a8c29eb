import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../../platform/config/config.js';
import { systemContext } from '../../platform/context/context.js';
import { JobQueue } from '../../platform/jobs/job-queue.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { partLogger } from '../../platform/observability/logger.js';
import { CONFIG } from '../../platform/tokens.js';
import { ClusterConnections } from './cluster/cluster-connections.js';
import { CLUSTER_HEARTBEAT_JOB } from './jobs/cluster-heartbeat.job.js';
import type { ClusterEntity } from './store/cluster.entity.js';
import { ClustersRepository } from './store/clusters.repository.js';

const log = partLogger('clusters');

/** Makes the cluster of a process's own kubeconfig known to the platform. */
@Injectable()
export class ClusterRegistry {
  private readonly context = systemContext('cluster-registry');

  constructor(
    private readonly clusters: ClustersRepository,
    private readonly connections: ClusterConnections,
    private readonly jobs: JobQueue,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Writes the cluster's row (by the client's name) where there is none, connects this process to it and starts its heartbeat.
   * Asks only Postgres: a cluster that does not answer keeps nobody from starting. The client stays the caller's to close.
   */
  async register(client: KubernetesClient): Promise<ClusterEntity> {
    const cluster = await this.clusters.register(this.context, { id: randomUUID(), name: client.cluster, region: this.config.FNPLANE_CLUSTER_REGION });
    this.connections.set(cluster.id, client);
    await this.jobs.enqueue(this.context, { kind: CLUSTER_HEARTBEAT_JOB, key: cluster.id, group: cluster.id });
    log.info({ cluster: cluster.name }, 'cluster registered');
    return cluster;
  }
}
