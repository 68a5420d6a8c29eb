import { Injectable } from '@nestjs/common';
import type { Context, SystemContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { insertStatement, selectList } from '../../../platform/database/row-statements.js';
import { pageByAge } from '../../../platform/database/tenant-repository.js';
import type { ClusterCapacity, ClusterUse, PlacementWish } from '../placement-states.js';
import { ClusterEntity } from './cluster.entity.js';

const COLUMNS = selectList(ClusterEntity, 'cluster');
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Clusters a choice looks at. */
const MOST_CLUSTERS = 1_000;

/** What tenants have reserved, over those placed on a cluster: the reservations are the quotas', read here as they stand. */
const USE = `
  SELECT p.cluster_id, count(*)::integer AS tenants, coalesce(sum((q.reserved ->> 'cpuMillis')::bigint), 0) AS cpu,
    coalesce(sum((q.reserved ->> 'memoryMb')::bigint), 0) AS memory, coalesce(sum((q.reserved ->> 'pods')::bigint), 0) AS pods
  FROM placement p LEFT JOIN tenant_quota q USING (tenant_id) WHERE p.state IN ('pending', 'active', 'leaving')`;
/** Sums of bigint are text for the driver; as JSON they are numbers. */
const USE_AS_JSON = `json_build_object('tenants', coalesce(u.tenants, 0), 'cpuMillis', coalesce(u.cpu, 0), 'memoryMb', coalesce(u.memory, 0), 'pods', coalesce(u.pods, 0))`;

export type ClusterWithUse = ClusterEntity & { use: ClusterUse };

/** A cluster with what a tenant that is to be placed asks for, and what it has reserved. */
export type CandidateRow = ClusterWithUse & { wish: PlacementWish | null; own: Partial<ClusterCapacity> };

/** What a worker has to know of a cluster to be connected to it. */
export interface ClusterLink {
  id: string;
  name: string;
  /** Of the kubeconfig; null for clusters of a process's own. */
  number: number | null;
  /** The last heartbeat failed. */
  failing: boolean;
}

/** Clusters belong to the platform: tenants' transactions may read them, only the system's write. */
@Injectable()
export class ClustersRepository {
  constructor(private readonly database: Database) {}

  /** The row of that name, made where there is none; several processes may ask at once. One that was registered through the API keeps its own region. */
  async register(context: SystemContext, cluster: Pick<ClusterEntity, 'id' | 'name' | 'region'>): Promise<ClusterEntity> {
    return this.database.transaction(context, async (manager) => {
      await manager.query(
        `INSERT INTO cluster (id, name, region) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET region = excluded.region WHERE cluster.region <> excluded.region AND cluster.connection = 'process'`,
        [cluster.id, cluster.name, cluster.region]);
      return manager.findOneByOrFail(ClusterEntity, { name: cluster.name });
    });
  }

  async findGatewayUrls(context: Context): Promise<string[]> {
    const rows = await this.database.statement<{ gateway_url: string }>(context, 'SELECT DISTINCT gateway_url FROM cluster WHERE gateway_url IS NOT NULL LIMIT $1', [MOST_CLUSTERS]);
    return rows.map((row) => row.gateway_url);
  }

  async insert(context: SystemContext, cluster: ClusterEntity): Promise<void> {
    const { text, values } = insertStatement(ClusterEntity, cluster);
    await this.database.statement(context, text, values);
  }

  async update(context: SystemContext, id: string, change: Partial<ClusterEntity>): Promise<void> {
    await this.database.transaction(context, (manager) => manager.update(ClusterEntity, { id }, change as never));
  }

  /** Its kubeconfig goes with it. Fails on the foreign key while tenants are placed on it. */
  async remove(context: SystemContext, id: string): Promise<void> {
    await this.database.transaction(context, (manager) => manager.delete(ClusterEntity, { id }));
  }

  /** By name or id. */
  find(context: Context, reference: string): Promise<ClusterEntity | null> {
    return this.database.transaction(context, (manager) => manager.findOneBy(ClusterEntity, UUID.test(reference) ? { id: reference } : { name: reference }));
  }

  /** The same, held until the transaction ends. */
  lock(context: SystemContext, reference: string): Promise<ClusterEntity | null> {
    return this.database.transaction(context, (manager) => manager.createQueryBuilder(ClusterEntity, 'cluster')
      .where(UUID.test(reference) ? 'cluster.id = :reference' : 'cluster.name = :reference', { reference }).setLock('pessimistic_write').getOne());
  }

  findPage(context: SystemContext, request: PageRequest, name?: string): Promise<Page<ClusterEntity>> {
    return this.database.transaction(context, (manager) => {
      const query = manager.createQueryBuilder(ClusterEntity, 'cluster');
      if (name !== undefined) query.where('cluster.name = :name', { name });
      return pageByAge(query, 'cluster', request);
    });
  }

  findMany(context: Context, ids: readonly string[]): Promise<ClusterEntity[]> {
    if (ids.length === 0) return Promise.resolve([]);
    return this.database.statement(context, `SELECT ${COLUMNS} FROM cluster WHERE id = ANY ($1)`, [ids]);
  }

  /** What is reserved on each of the clusters, by id. */
  async findUse(context: SystemContext, ids: readonly string[]): Promise<Map<string, ClusterUse>> {
    const rows = await this.database.statement<{ id: string; use: ClusterUse }>(context,
      `SELECT cluster.id, ${USE_AS_JSON} AS use FROM cluster LEFT JOIN (${USE} AND p.cluster_id = ANY ($1) GROUP BY 1) u ON u.cluster_id = cluster.id WHERE cluster.id = ANY ($1)`, [ids]);
    return new Map(rows.map(({ id, use }) => [id, use]));
  }

  /** All clusters with their use, and what the tenant asks of its places, in one look. */
  findCandidates(context: SystemContext, tenantId: string): Promise<CandidateRow[]> {
    return this.database.statement<CandidateRow>(context,
      `SELECT ${COLUMNS}, ${USE_AS_JSON} AS use,
         (SELECT json_build_object('regions', regions, 'clusterLabels', cluster_labels, 'clusters', clusters) FROM placement_settings WHERE tenant_id = $1) AS wish,
         coalesce((SELECT reserved FROM tenant_quota WHERE tenant_id = $1), '{}') AS own
       FROM cluster LEFT JOIN (${USE} GROUP BY 1) u ON u.cluster_id = cluster.id ORDER BY cluster.created_at, cluster.id LIMIT ${MOST_CLUSTERS}`, [tenantId]);
  }

  /**
   * Whether what the tenant has reserved fits into what is left of the cluster's capacity, beside all others that are placed on it. Whoever asks for one more place
   * there waits until the open transaction ends: two at once cannot both take what is left.
   */
  async admit(context: SystemContext, tenantId: string, clusterId: string): Promise<boolean> {
    await this.database.statement(context, `SELECT pg_advisory_xact_lock(hashtext('fnplane.capacity'), hashtext($1))`, [clusterId]);
    // By a statement of its own: it sees what the transactions waited for have written.
    const [found] = await this.database.statement<{ fits: boolean }>(context,
      `SELECT cluster.capacity IS NULL OR bool_and(used < bound AND used + own <= bound) AS fits
       FROM cluster LEFT JOIN LATERAL (
         SELECT (cluster.capacity ->> unit)::bigint AS bound,
           coalesce((SELECT (reserved ->> unit)::bigint FROM tenant_quota WHERE tenant_id = $1), 0) AS own,
           coalesce((SELECT sum((q.reserved ->> unit)::bigint) FROM placement p JOIN tenant_quota q USING (tenant_id)
             WHERE p.cluster_id = cluster.id AND p.tenant_id <> $1 AND p.state IN ('pending', 'active', 'leaving')), 0) AS used
         FROM unnest(ARRAY['cpuMillis', 'memoryMb', 'pods']) AS unit
       ) AS sums ON true WHERE cluster.id = $2 GROUP BY cluster.id, cluster.capacity`, [tenantId, clusterId]);
    return found?.fits ?? false;
  }

  /** What functions' rules are judged by. */
  findTraits(context: Context): Promise<Pick<ClusterEntity, 'region' | 'labels'>[]> {
    return this.database.statement(context, `SELECT region, labels FROM cluster ORDER BY created_at, id LIMIT ${MOST_CLUSTERS}`);
  }

  findLinks(context: SystemContext): Promise<ClusterLink[]> {
    return this.database.statement<ClusterLink>(context,
      `SELECT cluster.id, cluster.name, c.number, cluster.message IS NOT NULL AS failing FROM cluster LEFT JOIN cluster_credential c ON c.cluster_id = cluster.id ORDER BY cluster.created_at LIMIT ${MOST_CLUSTERS}`);
  }

  async writeHeartbeat(context: SystemContext, id: string, beat: Partial<Pick<ClusterEntity, 'kubernetes' | 'heartbeatAt' | 'attemptedAt' | 'message' | 'conditions'>>): Promise<void> {
    await this.database.transaction(context, (manager) => manager.update(ClusterEntity, { id }, beat));
  }
}
