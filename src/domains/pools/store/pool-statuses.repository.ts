import { Injectable } from '@nestjs/common';
import type { WarmPoolStatus } from '../../../contract/pool-resource.js';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';

export interface PoolOnCluster {
  cluster: string;
  status: WarmPoolStatus;
  observedAt: Date;
}

export interface SeenPool {
  tenantId: string;
  uid: string;
  /** The object's `resourceVersion`: whole numbers that grow. */
  version: string;
  status: WarmPoolStatus;
}

/** More clusters than any tenant is on. */
const MOST = 500;

@Injectable()
export class PoolStatusesRepository {
  constructor(private readonly database: Database) {}

  /** By cluster name. */
  list(context: TenantContext): Promise<PoolOnCluster[]> {
    return this.database.transaction(context, (manager) => manager.query<PoolOnCluster[]>(
      `SELECT cluster.name AS cluster, seen.status, seen.observed_at AS "observedAt" FROM warm_pool_status seen JOIN cluster ON cluster.id = seen.cluster_id
       WHERE seen.tenant_id = $1 ORDER BY cluster.name LIMIT $2`, [context.tenantId, MOST]));
  }

  /** Writes what was seen, unless newer news of the same object came before, or the tenant or cluster is gone. */
  async write(context: SystemContext, clusterId: string, { tenantId, uid, version, status }: SeenPool): Promise<void> {
    await this.database.statement(context,
      `INSERT INTO warm_pool_status AS seen (tenant_id, cluster_id, uid, version, status)
       SELECT $1, $2, $3, $4, $5 WHERE EXISTS (SELECT FROM warm_pool WHERE tenant_id = $1) AND EXISTS (SELECT FROM cluster WHERE id = $2)
       ON CONFLICT (tenant_id, cluster_id) DO UPDATE SET uid = excluded.uid, version = excluded.version, status = excluded.status, observed_at = excluded.observed_at
       WHERE seen.version < excluded.version`,
      [tenantId, clusterId, uid, version, JSON.stringify(status)]);
  }

  /** The object of this UID is gone. */
  async remove(context: SystemContext, clusterId: string, tenantId: string, uid: string): Promise<void> {
    await this.database.statement(context, 'DELETE FROM warm_pool_status WHERE tenant_id = $1 AND cluster_id = $2 AND uid = $3', [tenantId, clusterId, uid]);
  }

  /** What went while nobody watched: rows of the cluster whose object is none of those there are. */
  async retain(context: SystemContext, clusterId: string, uids: readonly string[]): Promise<void> {
    await this.database.statement(context, 'DELETE FROM warm_pool_status WHERE cluster_id = $1 AND uid <> ALL ($2)', [clusterId, uids]);
  }
}
