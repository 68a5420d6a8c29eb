import { Injectable } from '@nestjs/common';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { selectList } from '../../../platform/database/row-statements.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import type { StatusCondition } from '../../../platform/kubernetes/conditions.js';
import type { PlacedWorkloads, PlacementPurpose, PlacementState } from '../placement-states.js';
import { PlacementEntity, type AppliedObjects } from './placement.entity.js';

const COLUMNS = selectList(PlacementEntity, 'placement');

export interface PlacementRecord {
  namespaceUid?: string;
  /** What was applied now; beside what was applied before, unless `replace`. */
  applied?: AppliedObjects;
  replace?: boolean;
  /** All objects were applied at this time, by a run that began at this generation. */
  verifiedAt?: Date;
  observedGeneration?: number;
  conditions?: StatusCondition[];
}

@Injectable()
export class PlacementsRepository extends TenantRepository<PlacementEntity> {
  constructor(database: Database) {
    super(database, PlacementEntity);
  }

  /** Made before anything is made on the cluster, so that a deletion always knows where to look. */
  async add(context: TenantContext, placement: Pick<PlacementEntity, 'tenantId' | 'clusterId' | 'namespace' | 'state' | 'wantedBy'>): Promise<void> {
    await this.run(context, (manager) => manager.query(
      'INSERT INTO placement (tenant_id, cluster_id, namespace, state, wanted_by) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING',
      [placement.tenantId, placement.clusterId, placement.namespace, placement.state, placement.wantedBy]));
  }

  /** From the state it was seen in, or not at all: another run may have gone on meanwhile. */
  async move(context: TenantContext, { clusterId, state }: Pick<PlacementEntity, 'clusterId' | 'state'>, to: PlacementState, wantedBy?: PlacementPurpose): Promise<void> {
    await this.database.statement(context,
      `UPDATE placement SET state = $4, wanted_by = coalesce($5, wanted_by), state_since = clock_timestamp(), updated_at = clock_timestamp()
       WHERE tenant_id = $1 AND cluster_id = $2 AND state = $3`, [context.tenantId, clusterId, state, to, wantedBy ?? null]);
  }

  async writeWorkloads(context: TenantContext, clusterId: string, workloads: PlacedWorkloads): Promise<void> {
    await this.database.statement(context,
      'UPDATE placement SET workloads = $3::jsonb, updated_at = clock_timestamp() WHERE tenant_id = $1 AND cluster_id = $2 AND workloads IS DISTINCT FROM $3::jsonb', [context.tenantId, clusterId, JSON.stringify(workloads)]);
  }

  findAll(context: TenantContext): Promise<PlacementEntity[]> {
    return this.database.statement(context, `SELECT ${COLUMNS} FROM placement WHERE tenant_id = $1 ORDER BY created_at, cluster_id`, [context.tenantId]);
  }

  findPage(context: TenantContext, request: PageRequest): Promise<Page<PlacementEntity>> {
    return this.run(context, (manager) => this.page(this.scoped(manager, context, 'placement'), 'placement', request, 'createdAt', 'clusterId'));
  }

  /** Only what is given changes. `applied` is merged in the database. */
  async record(context: TenantContext, clusterId: string, record: PlacementRecord): Promise<void> {
    await this.database.statement(context,
      `UPDATE placement SET
         namespace_uid = coalesce($3, namespace_uid),
         applied = CASE WHEN $5 THEN $4::jsonb ELSE applied || coalesce($4::jsonb, '{}') END,
         verified_at = coalesce($6, verified_at),
         observed_generation = coalesce($7, observed_generation),
         conditions = coalesce($8::jsonb, conditions),
         updated_at = clock_timestamp()
       WHERE tenant_id = $1 AND cluster_id = $2`,
      [context.tenantId, clusterId, record.namespaceUid ?? null, record.applied ? JSON.stringify(record.applied) : null, Boolean(record.replace && record.applied),
        record.verifiedAt ?? null, record.observedGeneration ?? null, record.conditions ? JSON.stringify(record.conditions) : null]);
  }

  async markDeleting(context: TenantContext, clusterId: string, conditions: StatusCondition[]): Promise<void> {
    await this.run(context, (manager) => manager.query(
      `UPDATE placement SET state = 'deleting', state_since = CASE WHEN state = 'deleting' THEN state_since ELSE clock_timestamp() END, conditions = $3::jsonb, updated_at = clock_timestamp() WHERE tenant_id = $1 AND cluster_id = $2`,
      [context.tenantId, clusterId, JSON.stringify(conditions)]));
  }

  /** Nothing of it is left on the cluster. */
  async remove(context: SystemContext, tenantId: string, clusterId: string): Promise<void> {
    await this.database.transaction(context, (manager) => manager.delete(PlacementEntity, { tenantId, clusterId }));
  }

  /** For the watch of a cluster, which asks for tenants it met there. */
  async findOn(context: SystemContext, clusterId: string, tenantId: string): Promise<PlacementEntity | null> {
    const rows = await this.database.statement<PlacementEntity>(context, `SELECT ${COLUMNS} FROM placement WHERE tenant_id = $1 AND cluster_id = $2`, [tenantId, clusterId]);
    return rows[0] ?? null;
  }

  /** Ids of the tenants on a cluster, in pages after `after`. */
  async findTenantIds(context: SystemContext, clusterId: string, after: string | null, limit: number): Promise<string[]> {
    const rows = await this.database.transaction(context, (manager) => manager.query<{ tenant_id: string }[]>(
      `SELECT tenant_id FROM placement WHERE cluster_id = $1 AND ($2::uuid IS NULL OR tenant_id > $2) ORDER BY tenant_id LIMIT $3`, [clusterId, after, limit]));
    return rows.map((row) => row.tenant_id);
  }

  async countOn(context: SystemContext, clusterId: string): Promise<number> {
    const [row] = await this.database.statement<{ placed: number }>(context, 'SELECT count(*)::integer AS placed FROM placement WHERE cluster_id = $1', [clusterId]);
    return row!.placed;
  }

  /** Asks for every tenant that has the cluster in one of the states to be looked at by a job of that kind, spread over `spreadMs`. */
  async enqueueAllOn(context: SystemContext, clusterId: string, states: readonly PlacementState[], kind: string, spreadMs: number): Promise<void> {
    await this.database.statement(context,
      'SELECT enqueue_work($3, tenant_id::text, tenant_id::text, (random() * $4::integer)::integer) FROM placement WHERE cluster_id = $1 AND state = ANY ($2)', [clusterId, states, kind, spreadMs]);
  }

  /** Lets one transaction at a time change the set of a tenant's placements; the others wait until it ends. */
  async holdTenant(context: TenantContext): Promise<void> {
    await this.database.statement(context, `SELECT pg_advisory_xact_lock(hashtext('fnplane.placement'), hashtext($1))`, [context.tenantId]);
  }

  /** Asks for all objects to be applied again by the next run, also when one is under way. */
  async demandVerification(context: SystemContext, placement: Pick<PlacementEntity, 'tenantId' | 'clusterId'>): Promise<void> {
    await this.database.transaction(context, (manager) => manager.query(
      'UPDATE placement SET generation = generation + 1 WHERE tenant_id = $1 AND cluster_id = $2', [placement.tenantId, placement.clusterId]));
  }
}
