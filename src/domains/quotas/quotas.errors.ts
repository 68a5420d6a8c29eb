import { DomainError } from '../../platform/errors/domain-error.js';
import type { SpendReached } from '../tenants/tenant-state.js';
import type { QuotaShortage } from './admission.policy.js';
import { refusalWords, spendWords } from './quota-words.policy.js';

export type QuotaErrorCode = 'QUOTA_EXCEEDED' | 'PLAN_NOT_FOUND';

export function quotaExceeded(shortage: QuotaShortage): DomainError<QuotaErrorCode> {
  const { limit, allowed, used, requested } = shortage;
  return new DomainError('quota-exceeded', 'QUOTA_EXCEEDED', refusalWords(shortage), { details: { limit, allowed, used, requested } });
}

/** No shortage of anything: the month has cost what it may, and what grows would cost more. */
export function spendLimitReached(reached: SpendReached): DomainError<QuotaErrorCode> {
  const { limit: allowed, spent: used, currency, month } = reached;
  return new DomainError('quota-exceeded', 'QUOTA_EXCEEDED', spendWords(reached), { details: { limit: 'monthlySpend', allowed, used, currency, month } });
}

export function planNotFound(): DomainError<QuotaErrorCode> {
  return new DomainError('not-found', 'PLAN_NOT_FOUND', 'There is no such plan; GET /v1/plans lists them.');
}
