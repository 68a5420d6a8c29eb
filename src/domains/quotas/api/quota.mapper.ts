import { effectiveLimits } from '../admission.policy.js';
import type { Quota } from '../quotas.service.js';
import type { PlanEntity } from '../store/plan.entity.js';
import { OverQuotaModel, PlanModel, QuotaLimitsModel, QuotaModel, QuotaOverridesModel, QuotaUsageModel, type QuotaPayload } from './quota.model.js';

export function toQuotaModel(quota: Quota): QuotaModel {
  return Object.assign(new QuotaModel(), quota, {
    overrides: Object.assign(new QuotaOverridesModel(), quota.overrides),
    effective: Object.assign(new QuotaLimitsModel(), quota.effective),
    used: Object.assign(new QuotaUsageModel(), quota.used),
    overQuota: quota.overQuota.map((entry) => Object.assign(new OverQuotaModel(), entry)),
  });
}

export function toQuotaPayload(quota: Quota): Omit<QuotaPayload, 'userErrors'> {
  return { quota: toQuotaModel(quota) };
}

export function toPlanModel(plan: PlanEntity): PlanModel {
  const { name, description, currency, limits, createdAt } = plan;
  return Object.assign(new PlanModel(), { id: name, name, description, currency, limits: Object.assign(new QuotaLimitsModel(), effectiveLimits(limits, {})), createdAt });
}
