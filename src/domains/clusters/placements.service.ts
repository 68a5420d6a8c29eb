import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import type { PlacementState } from './placement-states.js';
import { servingPlace } from './serving-gateway.policy.js';
import type { ClusterEntity } from './store/cluster.entity.js';
import { ClustersRepository } from './store/clusters.repository.js';
import type { PlacementEntity } from './store/placement.entity.js';
import { PlacementsRepository } from './store/placements.repository.js';

/** Where a tenant is placed, for domains that put things there. */
export interface PlacedTenant {
  clusterId: string;
  clusterName: string;
  namespace: string;
  /** Null until the namespace has been made; another one than before means that everything in it is gone. */
  namespaceUid: string | null;
  state: PlacementState;
}

export interface PlacementWithCluster {
  placement: PlacementEntity;
  cluster: ClusterEntity;
}

@Injectable()
export class PlacementsService {
  constructor(
    private readonly database: Database,
    private readonly placements: PlacementsRepository,
    private readonly clusters: ClustersRepository,
  ) {}

  /** All placements of the context's tenant. */
  async list(context: TenantContext): Promise<PlacedTenant[]> {
    const placed = await this.withClusters(context);
    return placed.map(toPlacedTenant);
  }

  async page(context: TenantContext, request: PageRequest): Promise<Page<PlacementWithCluster>> {
    return this.database.transaction(context, async () => {
      const { items, nextCursor } = await this.placements.findPage(context, request);
      return { items: await this.join(context, items), nextCursor };
    });
  }

  /** As {@link list}, with the rows. */
  async withClusters(context: TenantContext): Promise<PlacementWithCluster[]> {
    return this.database.transaction(context, async () => this.join(context, await this.placements.findAll(context)));
  }

  /** Address of the gateway of the cluster that serves the tenant best; null for the platform's own. */
  async gatewayUrl(context: TenantContext): Promise<string | null> {
    return servingPlace(await this.withClusters(context))?.cluster.gatewayUrl ?? null;
  }

  private async join(context: TenantContext, rows: PlacementEntity[]): Promise<PlacementWithCluster[]> {
    const clusters = new Map((await this.clusters.findMany(context, rows.map((row) => row.clusterId))).map((cluster) => [cluster.id, cluster]));
    return rows.map((placement) => ({ placement, cluster: clusters.get(placement.clusterId)! }));
  }
}

export function toPlacedTenant({ placement, cluster }: PlacementWithCluster): PlacedTenant {
  return { clusterId: cluster.id, clusterName: cluster.name, namespace: placement.namespace, namespaceUid: placement.namespaceUid, state: placement.state };
}
