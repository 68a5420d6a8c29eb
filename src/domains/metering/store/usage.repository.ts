import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import type { Period } from '../usage-period.policy.js';
import { UsageRecordEntity } from './usage-record.entity.js';

/** Sums as exact text. */
export interface UsageSums {
  invocations: string;
  billedMs: string;
  mbMs: string;
  cpuMilliMs: string;
  requestBytes: string;
  responseBytes: string;
}

/** Sums of pods' time, as exact text. */
export interface CapacitySums {
  ms: string;
  mbMs: string;
  cpuMilliMs: string;
}

export interface UsageWithIdle extends UsageSums {
  /** Time of its pods in which no invocation ran that is billed. */
  idle: CapacitySums;
}

export interface FunctionUsage extends UsageWithIdle {
  functionId: string;
  functionName: string;
}

interface Row extends UsageSums {
  idleMs: string;
  idleMbMs: string;
  idleCpuMilliMs: string;
}

const WITHIN = 'WHERE tenant_id = $1 AND occurred_at >= $2 AND occurred_at < $3';
/**
 * A revision's pods have one size, so what was billed as run time is taken off the time they were there: nothing is billed as both.
 * Where a pod ran several invocations at once, their sum may be more than there was of it; then nothing of it was idle.
 */
const BY_REVISION = `WITH used AS (
  SELECT function_id, revision, max(function_name) AS function_name, sum(invocations) AS invocations, sum(billed_ms) AS ms, sum(mb_ms) AS mb_ms, sum(cpu_milli_ms) AS cpu_milli_ms,
    sum(request_bytes) AS request_bytes, sum(response_bytes) AS response_bytes
  FROM usage_record ${WITHIN} GROUP BY function_id, revision
), kept AS (
  SELECT function_id, revision, max(function_name) AS function_name, sum(ms) AS ms, sum(mb_ms) AS mb_ms, sum(cpu_milli_ms) AS cpu_milli_ms
  FROM capacity_record ${WITHIN} AND use = 'function' GROUP BY function_id, revision
), revision AS (
  SELECT coalesce(used.function_id, kept.function_id) AS function_id, coalesce(used.function_name, kept.function_name) AS function_name,
    used.invocations, used.ms, used.mb_ms, used.cpu_milli_ms, used.request_bytes, used.response_bytes,
    greatest(kept.ms - coalesce(used.ms, 0), 0) AS idle_ms, greatest(kept.mb_ms - coalesce(used.mb_ms, 0), 0) AS idle_mb_ms, greatest(kept.cpu_milli_ms - coalesce(used.cpu_milli_ms, 0), 0) AS idle_cpu_milli_ms
  FROM used FULL JOIN kept ON used.function_id = kept.function_id AND used.revision = kept.revision
)`;
const SUMS = `coalesce(sum(invocations), 0)::text AS "invocations", coalesce(sum(ms), 0)::text AS "billedMs", coalesce(sum(mb_ms), 0)::text AS "mbMs",
  coalesce(sum(cpu_milli_ms), 0)::text AS "cpuMilliMs", coalesce(sum(request_bytes), 0)::text AS "requestBytes", coalesce(sum(response_bytes), 0)::text AS "responseBytes",
  coalesce(sum(idle_ms), 0)::text AS "idleMs", coalesce(sum(idle_mb_ms), 0)::text AS "idleMbMs", coalesce(sum(idle_cpu_milli_ms), 0)::text AS "idleCpuMilliMs"`;

@Injectable()
export class UsageRepository extends TenantRepository<UsageRecordEntity> {
  constructor(database: Database) {
    super(database, UsageRecordEntity);
  }

  async total(context: TenantContext, period: Period): Promise<UsageWithIdle> {
    const [row] = await this.run(context, (manager) => manager.query<Row[]>(`${BY_REVISION} SELECT ${SUMS} FROM revision`, [context.tenantId, period.from, period.to]));
    return withIdle(row!);
  }

  /** At most `limit` functions, the busiest first. */
  async byFunction(context: TenantContext, period: Period, limit: number): Promise<FunctionUsage[]> {
    const rows = await this.run(context, (manager) => manager.query<(Row & { functionId: string; functionName: string })[]>(
      `${BY_REVISION} SELECT function_id AS "functionId", max(function_name) AS "functionName", ${SUMS} FROM revision
       GROUP BY function_id ORDER BY coalesce(sum(mb_ms), 0) DESC, sum(idle_mb_ms) DESC, function_id LIMIT $4`,
      [context.tenantId, period.from, period.to, limit]));
    return rows.map((row) => ({ ...withIdle(row), functionId: row.functionId, functionName: row.functionName }));
  }

  findPage(context: TenantContext, period: Period, request: PageRequest): Promise<Page<UsageRecordEntity>> {
    return this.run(context, (manager) => this.page(
      this.scoped(manager, context, 'usage').andWhere('usage.occurredAt >= :from AND usage.occurredAt < :to', period), 'usage', request, 'occurredAt'));
  }
}

function withIdle({ invocations, billedMs, mbMs, cpuMilliMs, requestBytes, responseBytes, idleMs, idleMbMs, idleCpuMilliMs }: Row): UsageWithIdle {
  return { invocations, billedMs, mbMs, cpuMilliMs, requestBytes, responseBytes, idle: { ms: idleMs, mbMs: idleMbMs, cpuMilliMs: idleCpuMilliMs } };
}
