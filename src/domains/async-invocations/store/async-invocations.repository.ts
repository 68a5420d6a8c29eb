import { Injectable } from '@nestjs/common';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { selectList } from '../../../platform/database/row-statements.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import { DEFAULT_AGE_SECONDS, DEFAULT_ATTEMPTS } from '../async-request.policy.js';
import { ASYNC_INVOCATION_JOB, type AsyncState, type SourceTrigger } from '../async-invocation-states.js';
import { AsyncInvocationEntity } from './async-invocation.entity.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export interface NewAsyncInvocation {
  id: string;
  /** Name or id. */
  function: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer | undefined;
  /** Undefined: as the function's policy says, or as everywhere. */
  maxAttempts: number | undefined;
  maxAgeSeconds: number | undefined;
  scheduledFor: Date | undefined;
  /** That was asked to run now. */
  trigger: SourceTrigger | undefined;
  /** Invocations that led to it. */
  hops?: number;
}

export type AcceptedRow = AsyncInvocationEntity & { functionName: string };

export interface StoredResult {
  state: AsyncState;
  status: number | null;
  revision: number | null;
  resultType: string | null;
  resultEncoding: string | null;
  result: Buffer | null;
  resultTooLarge: boolean;
}

/** One statement: whether the function is there, the row, and the work. */
const acceptBy = (reference: string): string => `
  WITH target AS (
    SELECT fn.id, fn.name, coalesce($9::integer, policy.max_attempts, ${DEFAULT_ATTEMPTS}) AS attempts, coalesce($10::integer, policy.max_age_seconds, ${DEFAULT_AGE_SECONDS}) AS age
    FROM function fn JOIN tenant ON tenant.id = fn.tenant_id LEFT JOIN async_policy policy ON policy.tenant_id = fn.tenant_id AND policy.function_id = fn.id
    WHERE fn.tenant_id = $1 AND ${reference} AND fn.state = 'active' AND tenant.state = 'active'
  ), due AS (SELECT greatest(clock_timestamp(), $11::timestamptz) AS at), added AS (
    INSERT INTO async_invocation (tenant_id, id, function_id, method, path, headers, body, principal, max_attempts, max_age_seconds, next_attempt_at, expires_at, source, trigger_id, trigger_name, due_at, hops)
    SELECT $1, $2::uuid, target.id, $4::text, $5::text, $6::jsonb, $7::bytea, $8::text, target.attempts, target.age, due.at, due.at + target.age * interval '1 second',
      CASE WHEN $12::uuid IS NULL THEN 'api' ELSE 'manual' END, $12::uuid, $13::text, CASE WHEN $12::uuid IS NOT NULL THEN due.at END, $14::integer FROM target, due
    RETURNING *
  )
  SELECT ${selectList(AsyncInvocationEntity, 'added')}, target.name AS "functionName",
    enqueue_work('${ASYNC_INVOCATION_JOB}', added.tenant_id || '/' || added.id, added.tenant_id::text, greatest(0, ceil(extract(epoch FROM added.next_attempt_at - clock_timestamp()) * 1000))::integer)
  FROM added, target`;
const ACCEPT_BY_ID = acceptBy('fn.id = $3::uuid');
const ACCEPT_BY_NAME = acceptBy('fn.name = $3::text');

@Injectable()
export class AsyncInvocationsRepository extends TenantRepository<AsyncInvocationEntity> {
  constructor(database: Database) {
    super(database, AsyncInvocationEntity);
  }

  /** Writes it and asks for its run; null where there is no such function, or it is being deleted. */
  async accept(context: TenantContext, row: NewAsyncInvocation): Promise<AcceptedRow | null> {
    const [added] = await this.database.statement<AcceptedRow>(context, UUID.test(row.function) ? ACCEPT_BY_ID : ACCEPT_BY_NAME, [
      context.tenantId, row.id, row.function, row.method, row.path, JSON.stringify(row.headers), row.body ?? null, context.principal.key, row.maxAttempts ?? null, row.maxAgeSeconds ?? null, row.scheduledFor ?? null,
      row.trigger?.id ?? null, row.trigger?.name ?? null, row.hops ?? 0,
    ]);
    return added ?? null;
  }

  /** How many wait, counted up to `most`. */
  async countQueued(context: TenantContext, most: number): Promise<number> {
    const [row] = await this.database.statement<{ count: number }>(context,
      `SELECT count(*)::int AS count FROM (SELECT 1 FROM async_invocation WHERE tenant_id = $1 AND state = 'queued' LIMIT $2) queued`, [context.tenantId, most]);
    return row?.count ?? 0;
  }

  /** The same of many tenants. */
  async countQueuedOf(context: SystemContext, tenantIds: readonly string[], most: number): Promise<ReadonlyMap<string, number>> {
    const rows = await this.database.statement<{ id: string; count: number }>(context,
      `SELECT tenant.id, (SELECT count(*)::int FROM (SELECT 1 FROM async_invocation WHERE tenant_id = tenant.id AND state = 'queued' LIMIT $2) queued) AS count FROM unnest($1::uuid[]) AS tenant (id)`, [tenantIds, most]);
    return new Map(rows.map(({ id, count }) => [id, count]));
  }

  async find(context: TenantContext, id: string, options: { lock?: boolean } = {}): Promise<AsyncInvocationEntity | null> {
    if (!UUID.test(id)) return null;
    return this.run(context, (manager) => {
      const query = this.scoped(manager, context, 'row').andWhere('row.id = :id', { id });
      return (options.lock ? query.setLock('pessimistic_write') : query).getOne();
    });
  }

  findPage(context: TenantContext, request: PageRequest, filter: { functionId?: string | undefined; state?: AsyncState | undefined; trigger?: string | undefined }): Promise<Page<AsyncInvocationEntity>> {
    return this.run(context, (manager) => {
      const query = this.scoped(manager, context, 'row');
      if (filter.functionId !== undefined) query.andWhere('row.functionId = :functionId', { functionId: filter.functionId });
      if (filter.state !== undefined) query.andWhere('row.state = :state', { state: filter.state });
      if (filter.trigger !== undefined) query.andWhere(UUID.test(filter.trigger) ? 'row.triggerId = :trigger' : 'row.triggerName = :trigger', { trigger: filter.trigger });
      return this.page(query, 'row', request);
    });
  }

  async findResult(context: TenantContext, id: string): Promise<StoredResult | null> {
    if (!UUID.test(id)) return null;
    const [row] = await this.database.statement<StoredResult>(context,
      `SELECT state, status, revision, result_type AS "resultType", result_encoding AS "resultEncoding", result, result_too_large AS "resultTooLarge"
       FROM async_invocation WHERE tenant_id = $1 AND id = $2`, [context.tenantId, id]);
    return row ?? null;
  }

  /** Of those that failed, the first to do so; nobody else changes them until the transaction ends. */
  async findFailedLocked(context: TenantContext, functionId: string | undefined, limit: number): Promise<string[]> {
    const rows = await this.database.statement<{ id: string }>(context,
      `SELECT id FROM async_invocation WHERE tenant_id = $1 AND state = 'failed' AND ($2::uuid IS NULL OR function_id = $2) ORDER BY finished_at, id LIMIT $3 FOR UPDATE SKIP LOCKED`,
      [context.tenantId, functionId ?? null, limit]);
    return rows.map(({ id }) => id);
  }

  /** Failed ones start anew, as if they had been accepted now. */
  async redrive(context: TenantContext, ids: readonly string[]): Promise<void> {
    await this.database.statement(context,
      `WITH again AS (
         UPDATE async_invocation SET state = 'queued', attempts = 0, waits = 0, next_attempt_at = clock_timestamp(), expires_at = clock_timestamp() + max_age_seconds * interval '1 second', finished_at = NULL,
           status = NULL, revision = NULL, error_code = NULL, error_message = NULL, result_type = NULL, result_encoding = NULL, result = NULL, result_bytes = NULL, result_too_large = false, destination = NULL, version = version + 1
         WHERE tenant_id = $1 AND id = ANY($2::uuid[]) AND state = 'failed' RETURNING tenant_id, id
       ) SELECT enqueue_work('${ASYNC_INVOCATION_JOB}', tenant_id || '/' || id, tenant_id::text, 0) FROM again`, [context.tenantId, ids]);
  }

  /** Its work, where some is left, finds nothing to do. */
  async remove(context: TenantContext, ids: readonly string[]): Promise<void> {
    await this.database.statement(context, 'DELETE FROM async_invocation WHERE tenant_id = $1 AND id = ANY($2::uuid[])', [context.tenantId, ids]);
  }

  /** @returns how many were removed: less than `limit` where no more are left. */
  async removeSome(context: TenantContext, limit: number): Promise<number> {
    const rows = await this.database.statement(context,
      'DELETE FROM async_invocation WHERE tenant_id = $1 AND id IN (SELECT id FROM async_invocation WHERE tenant_id = $1 LIMIT $2) RETURNING id', [context.tenantId, limit]);
    return rows.length;
  }
}
