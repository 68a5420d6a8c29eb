import { Injectable } from '@nestjs/common';
import { FIELD_MANAGER } from '../../../contract/names.js';
import { WARM_POOL_NAME, type WarmPoolResource } from '../../../contract/pool-resource.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';
import { ClustersService } from '../../clusters/clusters.service.js';
import { PlacementsService } from '../../clusters/placements.service.js';

/** A tenant's `WarmPool` objects on the clusters it is placed on. */
@Injectable()
export class WarmPoolPlacer {
  constructor(
    private readonly placements: PlacementsService,
    private readonly clusters: ClustersService,
  ) {}

  /** Applies the pool where the tenant's namespace stands, or takes it away where there shall be none. */
  async place(context: TenantContext, pool: Omit<WarmPoolResource, 'apiVersion' | 'kind'> | undefined): Promise<void> {
    const placed = (await this.placements.list(context)).filter(({ state, namespaceUid }) => state === 'active' && namespaceUid !== null);
    await Promise.all(placed.map(async ({ clusterId, namespace }) => {
      const client = this.clusters.clientFor(clusterId);
      if (pool) await client.apply(RESOURCE.warmPool, pool, { fieldManager: FIELD_MANAGER.worker });
      else await client.delete(RESOURCE.warmPool, { namespace, name: WARM_POOL_NAME });
    }));
  }
}
