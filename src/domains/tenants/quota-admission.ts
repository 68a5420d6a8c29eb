import type { TenantContext } from '../../platform/context/context.js';

/** Everything a tenant's plan limits. Integers; sizes in the unit of their name. */
export const QUOTA_LIMITS = [
  'functions', 'revisionsKept', 'cpuMillis', 'memoryMb', 'ephemeralStorageMb', 'pods', 'secrets', 'configSets', 'codeMb', 'invocationsPerSecond', 'invocationsPerMinute',
  'concurrentInvocations', 'functionMemoryMb', 'functionCpuMillis', 'timeoutSeconds',
] as const;
export type QuotaLimit = (typeof QUOTA_LIMITS)[number];

/** The limits in force. */
export interface QuotaLimits extends Record<QuotaLimit, number> {
  /** What a month may cost before growth and invocations stop, as decimal text in the plan's currency; null for no bound. */
  monthlySpend: string | null;
}

/** Those that add up over a tenant's things and are reserved before anything is made. The others bound one thing each. */
export const RESERVED_LIMITS = ['functions', 'cpuMillis', 'memoryMb', 'ephemeralStorageMb', 'pods', 'secrets', 'configSets', 'codeMb'] as const satisfies readonly QuotaLimit[];
export type ReservedLimit = (typeof RESERVED_LIMITS)[number];

/**
 * Turned round: `quotas` provides it, domains left of it ask. All calls join the caller's transaction, so that what was
 * reserved goes back when the caller's change fails.
 */
export abstract class QuotaAdmission {
  /**
   * Sets what `holder` (`function:<id>`, `secret:<id>`) holds; replaces what it held before.
   * @throws {DomainError} QUOTA_EXCEEDED naming limit, allowed, used and asked for, when an increase does not fit, and for every
   *   increase once the month's spending has reached its limit.
   */
  abstract reserve(context: TenantContext, holder: string, amounts: Partial<Record<ReservedLimit, number>>): Promise<void>;
  /** Gives everything back that `holder` holds; nothing happens when it holds nothing. */
  abstract release(context: TenantContext, holder: string): Promise<void>;
  /** The limits in force: plan and override. */
  abstract effective(context: TenantContext): Promise<Readonly<QuotaLimits>>;
}
