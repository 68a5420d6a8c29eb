import { Injectable } from '@nestjs/common';
import type { Context, SystemContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { ClusterConnections, type ClusterWork } from './cluster/cluster-connections.js';
import { clusterNotConnected, clusterNotFound } from './clusters.errors.js';
import type { ClusterUse } from './placement-states.js';
import type { ClusterEntity } from './store/cluster.entity.js';
import { ClustersRepository } from './store/clusters.repository.js';

export type ClusterWithUse = ClusterEntity & { use: ClusterUse };

const NOTHING: ClusterUse = { tenants: 0, cpuMillis: 0, memoryMb: 0, pods: 0 };

@Injectable()
export class ClustersService {
  constructor(
    private readonly database: Database,
    private readonly clusters: ClustersRepository,
    private readonly connections: ClusterConnections,
  ) {}

  /** By name or id. @throws {DomainError} CLUSTER_NOT_FOUND */
  async get(context: SystemContext, reference: string): Promise<ClusterEntity> {
    const cluster = await this.clusters.find(context, reference);
    if (!cluster) throw clusterNotFound();
    return cluster;
  }

  /** Addresses of the gateways of all clusters that have one of their own: hosts that no tenant can have. */
  gatewayUrls(context: Context): Promise<string[]> {
    return this.clusters.findGatewayUrls(context);
  }

  /** With what tenants have reserved on them. */
  async page(context: SystemContext, request: PageRequest, name?: string): Promise<Page<ClusterWithUse>> {
    return this.database.transaction(context, async () => {
      const { items, nextCursor } = await this.clusters.findPage(context, request, name);
      const use = await this.clusters.findUse(context, items.map(({ id }) => id));
      return { items: items.map((cluster) => ({ ...cluster, use: use.get(cluster.id) ?? NOTHING })), nextCursor };
    });
  }

  async withUse(context: SystemContext, cluster: ClusterEntity): Promise<ClusterWithUse> {
    return { ...cluster, use: (await this.clusters.findUse(context, [cluster.id])).get(cluster.id) ?? NOTHING };
  }

  /**
   * The shared client of a cluster; not the caller's to close.
   * @throws {DomainError} CLUSTER_NOT_CONNECTED where this process has not been connected to it (see `ClusterRegistry.register`).
   */
  clientFor(clusterId: string): KubernetesClient {
    const client = this.connections.get(clusterId);
    if (!client) throw clusterNotConnected();
    return client;
  }

  /**
   * Work on a cluster that must not hold up work on others: bounded at once by its kind, and refused while the cluster is known not to answer.
   * @throws {DomainError} CLUSTER_NOT_CONNECTED, CLUSTER_NOT_ANSWERING, CLUSTER_BUSY; what `work` throws.
   */
  run<T>(clusterId: string, kind: ClusterWork, work: (client: KubernetesClient) => Promise<T>): Promise<T> {
    return this.connections.run(clusterId, kind, work);
  }
}
