import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { QuotaAdmission, type QuotaLimits, type ReservedLimit } from '../tenants/quota-admission.js';
import { admit, effectiveLimits, grows } from './admission.policy.js';
import { quotaExceeded, spendLimitReached } from './quotas.errors.js';
import { quotaMissing } from './quotas.service.js';
import { QuotasRepository } from './store/quotas.repository.js';

/**
 * Admission with one row lock: whoever reserves waits for the tenant's row, reads the sums as they are then, and writes
 * them in its own transaction. Two requests for the last slot can therefore never both succeed, and a change that fails
 * later gives its reservation back by rolling back. Tenants do not wait for each other.
 */
@Injectable()
export class QuotaReservations extends QuotaAdmission {
  constructor(
    private readonly database: Database,
    private readonly quotas: QuotasRepository,
  ) {
    super();
  }

  override reserve(context: TenantContext, holder: string, amounts: Partial<Record<ReservedLimit, number>>): Promise<void> {
    return this.database.transaction(context, async () => {
      const quota = await this.quotas.lock(context);
      const state = quota && await this.quotas.findHeld(context, holder);
      if (!quota || !state) throw quotaMissing(context);
      const decision = admit(effectiveLimits(state.limits, state.overrides), quota.reserved, state.held, amounts);
      if (!decision.fits) throw quotaExceeded(decision.shortage);
      if (state.spendReached && grows(state.held, amounts)) throw spendLimitReached(state.spendReached);
      await this.quotas.writeHeld(context, holder, amounts, decision.reserved);
    });
  }

  override release(context: TenantContext, holder: string): Promise<void> {
    return this.database.transaction(context, async () => {
      const quota = await this.quotas.lock(context);
      const state = quota && await this.quotas.findHeld(context, holder);
      if (!quota || !state) throw quotaMissing(context);
      if (Object.keys(state.held).length === 0) return;
      const decision = admit({}, quota.reserved, state.held, {});
      if (decision.fits) await this.quotas.removeHeld(context, holder, decision.reserved);
    });
  }

  override async effective(context: TenantContext): Promise<Readonly<QuotaLimits>> {
    const quota = await this.quotas.find(context);
    if (!quota) throw quotaMissing(context);
    return effectiveLimits(quota.limits, quota.overrides);
  }
}
