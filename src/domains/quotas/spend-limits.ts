import { Injectable } from '@nestjs/common';
import type { SystemContext, TenantContext } from '../../platform/context/context.js';
import { JobQueue } from '../../platform/jobs/job-queue.js';
import { QuotasRepository } from './store/quotas.repository.js';

/** Kind of the job that compares what a tenant's month has cost with its limit; its key is the tenant's id. */
export const SPEND_JOB = 'spend';

/** Usage is booked every second; what a month costs is added up at most this often for a tenant. */
const LOOK_EVERY_MS = 10_000;

/** Asks for tenants' spending to be compared with its limit. Tenants without a limit, and those that use nothing, cost nothing. */
@Injectable()
export class SpendLimits {
  constructor(
    private readonly quotas: QuotasRepository,
    private readonly jobs: JobQueue,
  ) {}

  /** Usage of these tenants is booked in the open transaction. One statement. */
  async booked(context: SystemContext, tenantIds: readonly string[]): Promise<void> {
    if (tenantIds.length > 0) await this.quotas.enqueueLimitedSpenders(context, SPEND_JOB, tenantIds, LOOK_EVERY_MS);
  }

  /** The tenant's limit, prices or month may be other ones. */
  changed(context: TenantContext): Promise<void> {
    return this.jobs.enqueue(context, { kind: SPEND_JOB, key: context.tenantId, group: context.tenantId });
  }
}
