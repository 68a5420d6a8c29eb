import { Injectable } from '@nestjs/common';
import type { Context, TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { UsageService } from '../metering/usage.service.js';
import { pricedQuantities } from '../metering/usage-units.policy.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { rate, type RatedUsage } from './rating.policy.js';
import { PricesRepository, type PricedPlan } from './store/prices.repository.js';

export interface InvoicePreview extends RatedUsage {
  month: string;
  timeZone: string;
  from: Date;
  to: Date;
  plan: string;
  tenantId: string;
  tenantName: string;
}

@Injectable()
export class BillingService {
  constructor(
    private readonly database: Database,
    private readonly tenants: TenantsService,
    private readonly usage: UsageService,
    private readonly prices: PricesRepository,
  ) {}

  /** What the month would be billed at, by the ledger as it stands now and the tenant's present plan; of a deleted tenant too. */
  preview(context: TenantContext, month?: string): Promise<InvoicePreview> {
    return this.database.transaction(context, async () => {
      const tenant = await this.tenants.getWithEnded(context);
      const usage = await this.usage.totalOfMonth(context, month);
      const plan = await this.plan(context, tenant.plan);
      return {
        ...rate(pricedQuantities(usage), plan.prices, plan.currency),
        month: usage.month, timeZone: usage.timeZone, from: usage.period.from, to: usage.period.to, plan: plan.name, tenantId: tenant.id, tenantName: tenant.name,
      };
    });
  }

  /** @throws {DomainError} PLAN_NOT_FOUND */
  async plan(context: Context, name: string): Promise<PricedPlan> {
    const plan = await this.prices.find(context, name);
    if (!plan) throw new DomainError('not-found', 'PLAN_NOT_FOUND', 'There is no such plan; GET /v1/plans lists them.');
    return plan;
  }
}
