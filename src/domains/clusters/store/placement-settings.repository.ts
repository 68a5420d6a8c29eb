import { Injectable } from '@nestjs/common';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { selectList } from '../../../platform/database/row-statements.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import type { PlacementWish } from '../placement-states.js';
import { PlacementSettingsEntity } from './placement-settings.entity.js';

const COLUMNS = selectList(PlacementSettingsEntity, 's');

@Injectable()
export class PlacementSettingsRepository extends TenantRepository<PlacementSettingsEntity> {
  constructor(database: Database) {
    super(database, PlacementSettingsEntity);
  }

  /** Null while the tenant has asked for nothing. */
  async find(context: TenantContext): Promise<PlacementSettingsEntity | null> {
    return (await this.database.statement<PlacementSettingsEntity>(context, `SELECT ${COLUMNS} FROM placement_settings s WHERE tenant_id = $1`, [context.tenantId]))[0] ?? null;
  }

  /** Hold the tenant: two writers at once would both write the same version. */
  async put(context: TenantContext, wish: PlacementWish): Promise<PlacementSettingsEntity> {
    const [row] = await this.database.statement<PlacementSettingsEntity>(context,
      `INSERT INTO placement_settings AS s (tenant_id, regions, cluster_labels, clusters) VALUES ($1, $2, $3::jsonb, $4)
       ON CONFLICT (tenant_id) DO UPDATE SET regions = excluded.regions, cluster_labels = excluded.cluster_labels, clusters = excluded.clusters, version = s.version + 1, updated_at = clock_timestamp()
       RETURNING ${COLUMNS}`, [context.tenantId, wish.regions, JSON.stringify(wish.clusterLabels), wish.clusters]);
    return row!;
  }

  async remove(context: SystemContext, tenantId: string): Promise<void> {
    await this.database.transaction(context, (manager) => manager.delete(PlacementSettingsEntity, { tenantId }));
  }
}
