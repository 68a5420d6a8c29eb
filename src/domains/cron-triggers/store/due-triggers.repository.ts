import { Injectable } from '@nestjs/common';
import type { SystemContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { CronTriggerSettings } from '../cron-trigger-body.js';
import type { SkipReason } from '../due-runs.policy.js';

/** A trigger that is due, with what decides whether it runs. */
export interface DueRow {
  tenantId: string;
  id: string;
  name: string;
  functionId: string;
  settings: CronTriggerSettings;
  dueAt: Date;
  functionState: string;
  tenantState: string;
  tenantSuspension: string;
  /** Postgres' clock, the same for all rows. */
  now: Date;
}

/** What a due trigger came to. */
export interface FiredRow {
  tenantId: string;
  id: string;
  nextRunAt: Date | null;
  lastRunAt: Date | null;
  lastInvocationId: string | null;
  skipped: number;
  lastSkippedAt: Date | null;
  lastSkipReason: SkipReason | null;
}

/** The workers' side of cron triggers. Only the database's clock counts. */
@Injectable()
export class DueTriggersRepository {
  constructor(private readonly database: Database) {}

  /** Those that have been due longest; nobody else fires or changes them, or deletes their functions, until the transaction ends. */
  findDueLocked(context: SystemContext, limit: number): Promise<DueRow[]> {
    return this.database.statement<DueRow>(context,
      `SELECT due.tenant_id AS "tenantId", due.id, due.name, due.function_id AS "functionId", due.settings, due.next_run_at AS "dueAt", fn.state AS "functionState", tenant.state AS "tenantState",
         tenant.suspension AS "tenantSuspension", statement_timestamp() AS now
       FROM cron_trigger due JOIN function fn ON fn.tenant_id = due.tenant_id AND fn.id = due.function_id JOIN tenant ON tenant.id = due.tenant_id
       WHERE due.next_run_at <= statement_timestamp() ORDER BY due.next_run_at LIMIT $1 FOR UPDATE OF due SKIP LOCKED FOR KEY SHARE OF fn SKIP LOCKED`, [limit]);
  }

  async record(context: SystemContext, fired: readonly FiredRow[]): Promise<void> {
    const column = <T>(pick: (row: FiredRow) => T): T[] => fired.map(pick);
    await this.database.statement(context,
      `UPDATE cron_trigger SET next_run_at = fired.next_run_at, last_run_at = coalesce(fired.last_run_at, cron_trigger.last_run_at), last_invocation_id = coalesce(fired.last_invocation_id, cron_trigger.last_invocation_id),
         skipped_runs = skipped_runs + fired.skipped, last_skipped_at = coalesce(fired.last_skipped_at, cron_trigger.last_skipped_at), last_skip_reason = coalesce(fired.last_skip_reason, cron_trigger.last_skip_reason)
       FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::uuid[], $6::bigint[], $7::timestamptz[], $8::text[])
         AS fired (tenant_id, id, next_run_at, last_run_at, last_invocation_id, skipped, last_skipped_at, last_skip_reason)
       WHERE cron_trigger.tenant_id = fired.tenant_id AND cron_trigger.id = fired.id`,
      [column((row) => row.tenantId), column((row) => row.id), column((row) => row.nextRunAt), column((row) => row.lastRunAt), column((row) => row.lastInvocationId), column((row) => row.skipped), column((row) => row.lastSkippedAt), column((row) => row.lastSkipReason)]);
  }

  /** Ms until the first one is due, 0 where one is; undefined where none ever is. */
  async findWait(context: SystemContext): Promise<number | undefined> {
    const [row] = await this.database.statement<{ ms: number | null }>(context,
      'SELECT greatest(0, ceil(extract(epoch FROM min(next_run_at) - clock_timestamp()) * 1000))::float8 AS ms FROM cron_trigger WHERE next_run_at IS NOT NULL');
    return row?.ms ?? undefined;
  }
}
