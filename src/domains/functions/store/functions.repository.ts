import { Injectable } from '@nestjs/common';
import type { Suspension } from '../../../contract/function-resource.js';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { selectList } from '../../../platform/database/row-statements.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import type { PlacementRule } from '../../clusters/placement-states.js';
import { UUID } from '../function-rules.policy.js';
import type { FunctionState } from '../function-states.js';
import type { OwnPlace, RevisionReference } from '../function-body.js';
import { FunctionEntity, type FunctionWithTarget } from './function.entity.js';
import { RevisionEntity } from './revision.entity.js';

const COLUMNS = [
  'tenantId', 'id', 'name', 'labels', 'state', 'targetRevision', 'lastRevision', 'settings', 'scaling', 'traffic', 'rollout', 'rolloutState', 'authentication', 'generation',
  'observedGeneration', 'servingRevision', 'previousRevision', 'release', 'replicas', 'readyReplicas', 'suspension', 'places', 'nameKey', 'conditions', 'version', 'createdAt', 'updatedAt',
] as const satisfies readonly (keyof FunctionEntity)[];
const REVISION_COLUMNS = [
  'tenantId', 'functionId', 'number', 'spec', 'effective', 'buildState', 'buildError', 'image', 'secretVersions', 'pinned', 'createdBy', 'createdAt',
] as const satisfies readonly (keyof RevisionEntity)[];

/** One statement for a function with its target: the read everything else waits for, so it is written out and mapped by hand. */
const SELECT_WITH_TARGET = `SELECT ${COLUMNS.map((column) => `function.${snake(column)}`).join(', ')},
  ${REVISION_COLUMNS.map((column) => `target.${snake(column)} AS target_${snake(column)}`).join(', ')}
  FROM function JOIN revision target ON target.tenant_id = function.tenant_id AND target.function_id = function.id AND target.number = function.target_revision
  WHERE function.tenant_id = $1`;

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const FUNCTION_FIELDS = COLUMNS.map((column) => [column, snake(column)] as const);
const TARGET_FIELDS = REVISION_COLUMNS.map((column) => [column, `target_${snake(column)}`] as const);

function read(row: Record<string, unknown>): FunctionWithTarget {
  const fn = new FunctionEntity() as FunctionEntity & Record<string, unknown>;
  for (const [field, column] of FUNCTION_FIELDS) fn[field] = row[column] as never;
  const target = new RevisionEntity() as RevisionEntity & Record<string, unknown>;
  for (const [field, column] of TARGET_FIELDS) target[field] = row[column] as never;
  return Object.assign(fn, { target });
}

export interface FunctionName {
  id: string;
  name: string;
}

export interface FunctionPlace extends FunctionName {
  state: FunctionState;
  /** The tenant's suspension that was put on the clusters last. */
  suspension: Suspension;
  /** For the tenant to be placed. */
  waits: boolean;
}

/** A function with places of its own. */
export interface PlacedOnItsOwn {
  id: string;
  state: FunctionState;
  places: OwnPlace[];
  /** Null: it is on its way to where its tenant is. */
  rule: PlacementRule | null;
}

@Injectable()
export class FunctionsRepository extends TenantRepository<FunctionEntity> {
  constructor(database: Database) {
    super(database, FunctionEntity);
  }

  /** By name or id, in one statement and one round trip. */
  async find(context: TenantContext, reference: string): Promise<FunctionWithTarget | null> {
    const by = UUID.test(reference) ? 'id' : 'name';
    const [row] = await this.database.statement<Record<string, unknown>>(context, `${SELECT_WITH_TARGET} AND function.${by} = $2`, [context.tenantId, reference]);
    return row ? read(row) : null;
  }

  /** By id. */
  async findNames(context: TenantContext, ids: readonly string[]): Promise<Map<string, string>> {
    const rows = ids.length === 0 ? [] : await this.database.statement<FunctionName>(context, 'SELECT id, name FROM function WHERE tenant_id = $1 AND id = ANY ($2)', [context.tenantId, ids]);
    return new Map(rows.map(({ id, name }) => [id, name]));
  }

  /**
   * Locks the row until the transaction ends. The target is read by a statement of its own: a join would show the one
   * that was there before the lock was had.
   */
  async lock(context: TenantContext, reference: string): Promise<FunctionWithTarget | null> {
    return this.run(context, async (manager) => {
      const fn = await this.lockRow(context, reference);
      if (!fn) return null;
      const target = await manager.findOneByOrFail(RevisionEntity, { tenantId: context.tenantId, functionId: fn.id, number: fn.targetRevision });
      return Object.assign(fn, { target });
    });
  }

  private async lockRow(context: TenantContext, reference: string): Promise<FunctionEntity | null> {
    const by = UUID.test(reference) ? 'id' : 'name';
    const rows = await this.database.statement<FunctionEntity>(context, `SELECT ${selectList(FunctionEntity, 'function')} FROM function WHERE tenant_id = $1 AND ${by} = $2 FOR UPDATE`, [context.tenantId, reference]);
    return rows[0] ?? null;
  }

  findPage(context: TenantContext, request: PageRequest, name?: string): Promise<Page<FunctionWithTarget>> {
    return this.run(context, async (manager) => {
      const query = this.scoped(manager, context, 'fn').innerJoinAndMapOne('fn.target', RevisionEntity, 'target', 'target.tenant_id = fn.tenant_id AND target.function_id = fn.id AND target.number = fn.target_revision');
      if (name !== undefined) query.andWhere('fn.name = :name', { name });
      return (await this.page(query, 'fn', request)) as Page<FunctionWithTarget>;
    });
  }

  /** Writes the row unless the name is taken: whoever writes it at the same moment is waited for. */
  async insertIfFree(context: TenantContext, row: FunctionEntity): Promise<boolean> {
    const made = await this.database.statement(context,
      `INSERT INTO function (tenant_id, id, name, labels, settings, scaling, authentication, target_revision, last_revision, generation, conditions, name_key, created_at, updated_at, traffic, rollout, rollout_state, places)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15, $16, $17) ON CONFLICT (tenant_id, name) DO NOTHING RETURNING id`,
      [context.tenantId, row.id, row.name, JSON.stringify(row.labels), JSON.stringify(row.settings), JSON.stringify(row.scaling), row.authentication,
        row.targetRevision, row.lastRevision, row.generation, JSON.stringify(row.conditions), row.nameKey, row.createdAt,
        JSON.stringify(row.traffic), JSON.stringify(row.rollout), JSON.stringify(row.rolloutState), row.places === null ? null : JSON.stringify(row.places)]);
    return made.length > 0;
  }

  async update(context: TenantContext, id: string, change: Partial<FunctionEntity>): Promise<void> {
    await this.run(context, (manager) => manager.update(FunctionEntity, { tenantId: context.tenantId, id }, change as never));
  }

  /** With its revisions and references. */
  async remove(context: TenantContext, id: string): Promise<void> {
    await this.run(context, (manager) => manager.delete(FunctionEntity, { tenantId: context.tenantId, id }));
  }

  /** Functions of which a revision that runs or shall run uses the thing, or that reach their brokers by the secret. */
  findUsers(context: TenantContext, { kind, name }: RevisionReference): Promise<FunctionName[]> {
    return this.run(context, (manager) => manager.query<FunctionName[]>(
      `SELECT DISTINCT function.id, function.name FROM revision_reference reference
       JOIN function ON function.tenant_id = reference.tenant_id AND function.id = reference.function_id
       WHERE reference.tenant_id = $1 AND reference.kind = $2 AND reference.name = $3
         AND (reference.number IN (function.target_revision, function.serving_revision, (function.release #>> '{rollout,stable}')::integer)
           OR function.traffic @> jsonb_build_array(jsonb_build_object('revision', reference.number))
           OR function.release -> 'traffic' @> jsonb_build_array(jsonb_build_object('revision', reference.number)))
       UNION SELECT id, name FROM function WHERE tenant_id = $1 AND $2 = 'secret' AND scaling #>> '{kafka,secret}' = $3`, [context.tenantId, kind, name]));
  }

  /** How the tenant's functions stand on the clusters, as far as the tenant's own state decides it. */
  findPlaces(context: TenantContext): Promise<FunctionPlace[]> {
    return this.database.statement<FunctionPlace>(context,
      `SELECT id, name, state, suspension, conditions @> '[{"type": "Reconciling", "reason": "Placing"}]' AS waits FROM function WHERE tenant_id = $1`, [context.tenantId]);
  }

  /** Those of the tenant's functions that have places of their own. */
  findPlaced(context: TenantContext): Promise<PlacedOnItsOwn[]> {
    return this.database.statement<PlacedOnItsOwn>(context, `SELECT id, state, places, settings -> 'placement' AS rule FROM function WHERE tenant_id = $1 AND places IS NOT NULL ORDER BY id`, [context.tenantId]);
  }

  /** By name or id. Null where it is wherever its tenant is, also when it is gone. */
  async findOwnPlaces(context: TenantContext, reference: string): Promise<OwnPlace[] | null> {
    const by = UUID.test(reference) ? 'id' : 'name';
    const [row] = await this.database.statement<{ places: OwnPlace[] | null }>(context, `SELECT places FROM function WHERE tenant_id = $1 AND ${by} = $2`, [context.tenantId, reference]);
    return row?.places ?? null;
  }

  /** Only from the places that were seen. @returns whether they still were. */
  async writePlaces(context: TenantContext, id: string, seen: readonly OwnPlace[] | null, places: readonly OwnPlace[] | null): Promise<boolean> {
    const [from, to] = [seen, places].map((list) => (list === null ? null : JSON.stringify(list)));
    const rows = await this.database.statement(context,
      'UPDATE function SET places = $4::jsonb WHERE tenant_id = $1 AND id = $2 AND places IS NOT DISTINCT FROM $3::jsonb RETURNING id', [context.tenantId, id, from, to]);
    return rows.length > 0;
  }

  findAll(context: TenantContext): Promise<FunctionEntity[]> {
    return this.run(context, (manager) => this.scoped(manager, context, 'fn').orderBy('fn.name').getMany());
  }

  /** What one revision of a function costs and whose it is, wherever the caller learned of it. */
  async findForMetering(context: SystemContext, functionId: string, revision: number): Promise<{ tenantId: string; functionName: string; cpuMillis: number; memoryMb: number } | null> {
    return this.database.transaction(context, async (manager) => {
      const rows = await manager.query<{ tenantId: string; functionName: string; cpuMillis: number; memoryMb: number }[]>(
        `SELECT function.tenant_id AS "tenantId", function.name AS "functionName",
           (revision.effective #>> '{resources,cpuMillis}')::integer AS "cpuMillis", (revision.effective #>> '{resources,memoryMb}')::integer AS "memoryMb"
         FROM function JOIN revision ON revision.tenant_id = function.tenant_id AND revision.function_id = function.id
         WHERE function.id = $1 AND revision.number = $2`, [functionId, revision]);
      return rows[0] ?? null;
    });
  }
}
