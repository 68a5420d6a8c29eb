import { Injectable } from '@nestjs/common';
import { systemContext, tenantJobContext } from '../../../platform/context/context.js';
import { againAfter, DONE, type JobHandler, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import { SPEND_JOB } from '../../quotas/spend-limits.js';
import { QuotaAdmission } from '../../tenants/quota-admission.js';
import { TenantDirectory } from '../../tenants/tenant-directory.js';
import { TenantsService } from '../../tenants/tenants.service.js';
import { BillingService } from '../billing.service.js';
import { hasReached } from '../rating.policy.js';
import { SpendGauges } from '../spend-gauges.js';

/** The end of the month is waited for in steps: the tenant's time zone may change meanwhile. */
const LONGEST_WAIT_MS = 3_600_000;

/**
 * Compares what a tenant's month has cost so far with what its quota allows. Runs after usage was booked or the limit was
 * changed, and while the limit is reached until the month ends; otherwise there is nothing to look at.
 */
@Injectable()
export class CheckSpendJob implements JobHandler {
  readonly kind = SPEND_JOB;
  readonly concurrency = 2;

  constructor(
    private readonly directory: TenantDirectory,
    private readonly tenants: TenantsService,
    private readonly quotas: QuotaAdmission,
    private readonly billing: BillingService,
    private readonly gauges: SpendGauges,
  ) {}

  /** @param tenantId key of the job */
  async handle(tenantId: string): Promise<JobOutcome> {
    const tenant = await this.directory.findAny(systemContext('check-spend'), tenantId);
    if (tenant?.state !== 'active') return DONE;
    const context = tenantJobContext('check-spend', tenant);
    const { monthlySpend: limit } = await this.quotas.effective(context);
    const preview = limit === null ? undefined : await this.billing.preview(context);
    this.gauges.forget(tenant.name);
    if (limit === null || !preview || !hasReached(preview.total, limit)) {
      if (limit !== null && preview) this.gauges.note(tenant.name, preview.total, limit);
      await this.tenants.setSpending(context, null);
      return DONE;
    }
    const { month, currency, total: spent, to } = preview;
    await this.tenants.setSpending(context, { month, limit, spent, currency, at: new Date().toISOString() });
    return againAfter(Math.min(LONGEST_WAIT_MS, Math.max(0, to.getTime() - Date.now())));
  }
}
