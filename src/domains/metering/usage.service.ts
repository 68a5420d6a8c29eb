import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { MAX_PAGE, type Page, type PageRequest } from '../../platform/database/page.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { CapacityRepository, type PoolUsage } from './store/capacity.repository.js';
import type { CapacityRecordEntity } from './store/capacity-record.entity.js';
import { UsageRepository, type FunctionUsage, type UsageWithIdle } from './store/usage.repository.js';
import type { UsageRecordEntity } from './store/usage-record.entity.js';
import { monthOf, monthPeriod, type Period } from './usage-period.policy.js';

export interface UsageTotal {
  month: string;
  timeZone: string;
  period: Period;
  total: UsageWithIdle;
  /** What pods waited in warm pools, by runtime. */
  pools: PoolUsage[];
}

export interface UsageOfMonth extends UsageTotal {
  functions: FunctionUsage[];
}

/** What a tenant used, by event time in its billing time zone; what a deleted one used stays. */
@Injectable()
export class UsageService {
  constructor(
    private readonly database: Database,
    private readonly usage: UsageRepository,
    private readonly capacity: CapacityRepository,
    private readonly tenants: TenantsService,
  ) {}

  /** @param month `YYYY-MM`; the present month of the tenant's time zone when absent. */
  ofMonth(context: TenantContext, month?: string): Promise<UsageOfMonth> {
    return this.database.transaction(context, async () => {
      const total = await this.totalOfMonth(context, month);
      return { ...total, functions: await this.usage.byFunction(context, total.period, MAX_PAGE) };
    });
  }

  /** What is billed by: the same without the functions' parts in it. */
  totalOfMonth(context: TenantContext, month?: string): Promise<UsageTotal> {
    return this.database.transaction(context, async () => {
      const { timeZone, month: chosen, period } = await this.period(context, month);
      return { month: chosen, timeZone, period, total: await this.usage.total(context, period), pools: await this.capacity.pools(context, period) };
    });
  }

  /** The ledger rows behind a month's figures. */
  records(context: TenantContext, month: string | undefined, request: PageRequest): Promise<Page<UsageRecordEntity>> {
    return this.database.transaction(context, async () => this.usage.findPage(context, (await this.period(context, month)).period, request));
  }

  /** The ledger rows behind a month's warm and idle time. */
  capacityRecords(context: TenantContext, month: string | undefined, request: PageRequest): Promise<Page<CapacityRecordEntity>> {
    return this.database.transaction(context, async () => this.capacity.findPage(context, (await this.period(context, month)).period, request));
  }

  private async period(context: TenantContext, month?: string): Promise<{ timeZone: string; month: string; period: Period }> {
    const { timeZone } = await this.tenants.getWithEnded(context);
    const chosen = month ?? monthOf(new Date(), timeZone);
    return { timeZone, month: chosen, period: monthPeriod(chosen, timeZone) };
  }
}
