import { Injectable } from '@nestjs/common';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { DestinationResult } from '../async-destination.js';
import type { AsyncState, KeptResult } from '../async-invocation-states.js';
import type { AttemptOutcome } from '../../invocations/attempt-outcome.policy.js';
import type { EndedInvocation } from '../destination-record.policy.js';

/** What a try needs. */
export interface BegunRun {
  function: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer | null;
  principal: string;
  attempts: number;
  maxAttempts: number;
  hops: number;
  waits: number;
  /** What it comes from, where that is a trigger. */
  trigger: string | null;
  dueAt: Date | null;
  /** Since it was due. */
  lateMs: number;
  /** Until it expires. */
  leftMs: number;
}

export interface RunRecord {
  run: string;
  outcome: AttemptOutcome;
  /** Of the function's answer, where there was one. */
  answered: { status: number; revision: number | undefined; result: KeptResult } | undefined;
}

export interface RunState {
  state: AsyncState;
  dueInMs: number;
  expired: boolean;
}

/** What was no try leaves what the last one said. */
const OF_LAST_TRY = Object.entries({ status: 10, revision: 11, result_type: 12, result_encoding: 13, result: 14, result_bytes: 15, result_too_large: 16 })
  .map(([column, parameter]) => `${column} = CASE $5::integer WHEN 1 THEN $${parameter} ELSE ${column} END`).join(', ');

/** The workers' side of accepted invocations. Only the database's clock counts. */
@Injectable()
export class AsyncRunsRepository {
  constructor(private readonly database: Database) {}

  /** Marks it as running under a new `run`; null where it is not due, has ended or is gone. One that a dead worker left running is begun again. */
  async begin(context: TenantContext, id: string, run: string): Promise<BegunRun | null> {
    const [row] = await this.database.statement<BegunRun>(context,
      `UPDATE async_invocation row SET state = 'running', run = $3, version = row.version + 1 FROM function fn
       WHERE row.tenant_id = $1 AND row.id = $2 AND row.state IN ('queued', 'running') AND row.next_attempt_at <= clock_timestamp() AND row.expires_at > clock_timestamp()
         AND fn.tenant_id = row.tenant_id AND fn.id = row.function_id
       RETURNING fn.name AS function, row.method, row.path, row.headers, row.body, row.principal, row.attempts, row.max_attempts AS "maxAttempts", row.hops, row.waits, row.trigger_name AS trigger, row.due_at AS "dueAt",
         (extract(epoch FROM clock_timestamp() - row.next_attempt_at) * 1000)::float8 AS "lateMs", (extract(epoch FROM row.expires_at - clock_timestamp()) * 1000)::float8 AS "leftMs"`,
      [context.tenantId, id, run]);
    return row ?? null;
  }

  async find(context: TenantContext, id: string): Promise<RunState | null> {
    const [row] = await this.database.statement<RunState>(context,
      `SELECT state, greatest(0, ceil(extract(epoch FROM least(next_attempt_at, expires_at) - clock_timestamp()) * 1000))::float8 AS "dueInMs", expires_at <= clock_timestamp() AS expired
       FROM async_invocation WHERE tenant_id = $1 AND id = $2`, [context.tenantId, id]);
    return row ?? null;
  }

  /** @returns whether it was this call that ended it. */
  async expire(context: TenantContext, id: string): Promise<boolean> {
    const rows = await this.database.statement(context,
      `UPDATE async_invocation SET state = 'failed', finished_at = clock_timestamp(), run = NULL, version = version + 1, error_code = 'ASYNC_EXPIRED',
         error_message = 'The invocation reached its greatest age' || coalesce('; before that: ' || error_code || '.', '.')
       WHERE tenant_id = $1 AND id = $2 AND state IN ('queued', 'running') AND expires_at <= clock_timestamp() RETURNING id`, [context.tenantId, id]);
    return rows.length > 0;
  }

  /** @returns false where another run has taken it over, or it is gone. */
  async record(context: TenantContext, id: string, { run, outcome, answered }: RunRecord): Promise<boolean> {
    const { next, counts } = outcome;
    const error = 'error' in outcome ? outcome.error : undefined;
    const result = answered?.result;
    const rows = await this.database.statement(context,
      `UPDATE async_invocation SET state = $4, attempts = attempts + $5::integer, waits = CASE $5::integer WHEN 1 THEN 0 ELSE waits + 1 END, run = NULL, version = version + 1,
         next_attempt_at = clock_timestamp() + $6 * interval '1 millisecond', finished_at = CASE WHEN $7 THEN clock_timestamp() END, error_code = $8, error_message = $9, ${OF_LAST_TRY}
       WHERE tenant_id = $1 AND id = $2 AND run = $3 RETURNING id`,
      [
        context.tenantId, id, run, next === 'again' ? 'queued' : next, counts ? 1 : 0, outcome.next === 'again' ? outcome.delayMs : 0, next !== 'again',
        error?.code ?? null, error?.message.slice(0, 1_000) ?? null, answered?.status ?? null, answered?.revision ?? null,
        result?.contentType ?? null, result?.contentEncoding ?? null, result?.body ?? null, result?.body?.length ?? null, result !== undefined && result.body === undefined,
      ]);
    return rows.length > 0;
  }

  /** One that has ended; null where it is gone. */
  async findEnded(context: TenantContext, id: string): Promise<EndedInvocation | null> {
    const [row] = await this.database.statement<EndedInvocation>(context,
      `SELECT row.id, row.function_id AS "functionId", fn.name AS function, row.state, row.attempts, row.hops, row.principal, row.status, row.revision, row.error_code AS "errorCode", row.error_message AS "errorMessage",
         row.result_type AS "resultType", row.result_encoding AS "resultEncoding", row.result
       FROM async_invocation row JOIN function fn ON fn.tenant_id = row.tenant_id AND fn.id = row.function_id WHERE row.tenant_id = $1 AND row.id = $2 AND row.finished_at IS NOT NULL`, [context.tenantId, id]);
    return row ?? null;
  }

  async recordDestination(context: TenantContext, id: string, result: DestinationResult): Promise<void> {
    await this.database.statement(context, 'UPDATE async_invocation SET destination = $3 WHERE tenant_id = $1 AND id = $2', [context.tenantId, id, JSON.stringify(result)]);
  }

  /** Takes away those of all tenants that ended so long ago. @returns how many: less than `limit` where no more are left. */
  async removeFinished(context: SystemContext, olderThanDays: number, limit: number): Promise<number> {
    const rows = await this.database.statement(context,
      `DELETE FROM async_invocation WHERE (tenant_id, id) IN (
         SELECT tenant_id, id FROM async_invocation WHERE finished_at < clock_timestamp() - $1 * interval '1 day' ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED
       ) RETURNING id`, [olderThanDays, limit]);
    return rows.length;
  }
}
