import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import type { Period } from '../usage-period.policy.js';
import { CapacityRecordEntity } from './capacity-record.entity.js';
import type { CapacitySums } from './usage.repository.js';

export interface PoolUsage extends CapacitySums {
  runtime: string;
}

/** Reads what a tenant's pods were kept ready. */
@Injectable()
export class CapacityRepository extends TenantRepository<CapacityRecordEntity> {
  constructor(database: Database) {
    super(database, CapacityRecordEntity);
  }

  /** Of pods that waited, one entry a runtime that had any. */
  pools(context: TenantContext, period: Period): Promise<PoolUsage[]> {
    return this.run(context, (manager) => manager.query<PoolUsage[]>(
      `SELECT runtime, sum(ms)::text AS ms, sum(mb_ms)::text AS "mbMs", sum(cpu_milli_ms)::text AS "cpuMilliMs" FROM capacity_record
       WHERE tenant_id = $1 AND occurred_at >= $2 AND occurred_at < $3 AND use = 'pool' GROUP BY runtime ORDER BY runtime`,
      [context.tenantId, period.from, period.to]));
  }

  findPage(context: TenantContext, period: Period, request: PageRequest): Promise<Page<CapacityRecordEntity>> {
    return this.run(context, (manager) => this.page(
      this.scoped(manager, context, 'capacity').andWhere('capacity.occurredAt >= :from AND capacity.occurredAt < :to', period), 'capacity', request, 'occurredAt'));
  }
}
