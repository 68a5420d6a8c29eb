import { Injectable } from '@nestjs/common';
import type { SystemContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { ASYNC_INVOCATION_JOB, type SourceTrigger } from '../async-invocation-states.js';

/** One due time of a trigger. */
export interface DueInvocation {
  id: string;
  tenantId: string;
  functionId: string;
  trigger: SourceTrigger;
  dueAt: Date;
  /** It begins so much later than due. */
  delayMs: number;
  path: string;
  headers: Record<string, string>;
  body: Buffer | undefined;
  maxAttempts: number;
  maxAgeSeconds: number;
}

/** Rows and their work in one statement; a due time that was accepted before is left alone. */
const ACCEPT = `
  WITH run AS (
    SELECT *, greatest(clock_timestamp(), due_at + delay_ms * interval '1 millisecond') AS begins_at
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[], $7::integer[], $8::text[], $9::text[], $10::bytea[], $11::integer[], $12::integer[])
      AS run (tenant_id, id, function_id, trigger_id, trigger_name, due_at, delay_ms, path, headers, body, max_attempts, max_age_seconds)
  ), added AS (
    INSERT INTO async_invocation (tenant_id, id, function_id, method, path, headers, body, principal, max_attempts, max_age_seconds, next_attempt_at, expires_at, source, trigger_id, trigger_name, due_at)
    SELECT tenant_id, id, function_id, 'POST', path, headers::jsonb, body, $13, max_attempts, max_age_seconds, begins_at, begins_at + max_age_seconds * interval '1 second', 'cron', trigger_id, trigger_name, due_at FROM run
    ON CONFLICT (trigger_id, due_at) WHERE source = 'cron' DO NOTHING
    RETURNING tenant_id, id, next_attempt_at
  ), asked AS (
    INSERT INTO work_item (kind, key, fair_group, visible_at) SELECT '${ASYNC_INVOCATION_JOB}', tenant_id || '/' || id, tenant_id::text, next_attempt_at FROM added
  )
  SELECT id, pg_notify('fnplane_work', '${ASYNC_INVOCATION_JOB}') FROM added`;

/** Invocations that come of due times, of all tenants. */
@Injectable()
export class DueInvocationsRepository {
  constructor(private readonly database: Database) {}

  /** @returns the ids of those that were not accepted before. */
  async accept(context: SystemContext, runs: readonly DueInvocation[]): Promise<ReadonlySet<string>> {
    const column = <T>(pick: (run: DueInvocation) => T): T[] => runs.map(pick);
    const rows = await this.database.statement<{ id: string }>(context, ACCEPT, [
      column((run) => run.tenantId), column((run) => run.id), column((run) => run.functionId), column((run) => run.trigger.id), column((run) => run.trigger.name), column((run) => run.dueAt), column((run) => run.delayMs),
      column((run) => run.path), column((run) => JSON.stringify(run.headers)), column((run) => run.body ?? null), column((run) => run.maxAttempts), column((run) => run.maxAgeSeconds), context.principal.key,
    ]);
    return new Set(rows.map(({ id }) => id));
  }

  /** Those of the triggers of which an invocation has not ended. */
  async findOpen(context: SystemContext, triggerIds: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.database.statement<{ id: string }>(context,
      `SELECT id FROM unnest($1::uuid[]) AS trigger (id) WHERE EXISTS (SELECT 1 FROM async_invocation WHERE trigger_id = trigger.id AND state IN ('queued', 'running'))`, [triggerIds]);
    return new Set(rows.map(({ id }) => id));
  }

  /** Removes what waits of due times of these triggers. @returns the due times, latest first, by trigger. */
  async removeQueued(context: SystemContext, triggerIds: readonly string[]): Promise<ReadonlyMap<string, readonly Date[]>> {
    const rows = await this.database.statement<{ id: string; dueAt: Date }>(context,
      `DELETE FROM async_invocation WHERE trigger_id = ANY ($1::uuid[]) AND state = 'queued' AND source = 'cron' RETURNING trigger_id AS id, due_at AS "dueAt"`, [triggerIds]);
    const found = new Map<string, Date[]>();
    for (const { id, dueAt } of rows.sort((a, b) => b.dueAt.getTime() - a.dueAt.getTime())) found.set(id, [...(found.get(id) ?? []), dueAt]);
    return found;
  }
}
