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

export interface FunctionUsage extends UsageSums {
  functionId: string;
  functionName: string;
}

const SUMS = `coalesce(sum(invocations), 0)::text AS "invocations", coalesce(sum(billed_ms), 0)::text AS "billedMs", coalesce(sum(mb_ms), 0)::text AS "mbMs",
  coalesce(sum(cpu_milli_ms), 0)::text AS "cpuMilliMs", coalesce(sum(request_bytes), 0)::text AS "requestBytes", coalesce(sum(response_bytes), 0)::text AS "responseBytes"`;
const WITHIN = 'FROM usage_record WHERE tenant_id = $1 AND occurred_at >= $2 AND occurred_at < $3';

@Injectable()
export class UsageRepository extends TenantRepository<UsageRecordEntity> {
  constructor(database: Database) {
    super(database, UsageRecordEntity);
  }

  async total(context: TenantContext, period: Period): Promise<UsageSums> {
    const [row] = await this.run(context, (manager) => manager.query<UsageSums[]>(`SELECT ${SUMS} ${WITHIN}`, [context.tenantId, period.from, period.to]));
    return row!;
  }

  /** At most `limit` functions, the busiest first. */
  byFunction(context: TenantContext, period: Period, limit: number): Promise<FunctionUsage[]> {
    return this.run(context, (manager) => manager.query<FunctionUsage[]>(
      `SELECT function_id AS "functionId", max(function_name) AS "functionName", ${SUMS} ${WITHIN} GROUP BY function_id ORDER BY sum(mb_ms) DESC, function_id LIMIT $4`,
      [context.tenantId, period.from, period.to, limit]));
  }

  findPage(context: TenantContext, period: Period, request: PageRequest): Promise<Page<UsageRecordEntity>> {
    return this.run(context, (manager) => this.page(
      this.scoped(manager, context, 'usage').andWhere('usage.occurredAt >= :from AND usage.occurredAt < :to', period), 'usage', request, 'occurredAt'));
  }
}
