import { QUOTA_LIMITS, RESERVED_LIMITS, type QuotaLimit, type QuotaLimits, type ReservedLimit } from '../tenants/quota-admission.js';

type Sums = Readonly<Partial<Record<ReservedLimit, number>>>;

/** Limits as a plan or an override states them: what is absent is not stated. */
export interface StatedLimits extends Partial<Record<QuotaLimit, number>> {
  monthlySpend?: string;
}

/** A change of stated limits: null takes one back. */
export type LimitsPatch = Readonly<{ [Limit in keyof StatedLimits]?: StatedLimits[Limit] | null }>;

type Limits = Readonly<StatedLimits>;
type Bounds = Readonly<Partial<Record<QuotaLimit, number>>>;

/** An increase that does not fit. `used` counts what the holder itself holds too; `requested` is what would come on top. */
export interface QuotaShortage {
  limit: ReservedLimit;
  allowed: number;
  used: number;
  requested: number;
}

/** The limits in force: the plan's, and over them what was set for the tenant. A limit neither names allows nothing, but spending is then without bound. */
export function effectiveLimits(plan: Limits, overrides: Limits): QuotaLimits {
  const limits = Object.fromEntries(QUOTA_LIMITS.map((limit) => [limit, overrides[limit] ?? plan[limit] ?? 0])) as Record<QuotaLimit, number>;
  return { ...limits, monthlySpend: overrides.monthlySpend ?? plan.monthlySpend ?? null };
}

/** Every reserved limit with what is in use. */
export function usedAmounts(reserved: Sums): Record<ReservedLimit, number> {
  return Object.fromEntries(RESERVED_LIMITS.map((limit) => [limit, reserved[limit] ?? 0])) as Record<ReservedLimit, number>;
}

/** Limits that more is reserved of than they allow (after they were lowered). */
export function overQuota(effective: Bounds, reserved: Sums): { limit: ReservedLimit; allowed: number; used: number }[] {
  return RESERVED_LIMITS
    .map((limit) => ({ limit, allowed: effective[limit] ?? 0, used: reserved[limit] ?? 0 }))
    .filter(({ allowed, used }) => used > allowed);
}

export type Admission = { fits: true; reserved: Record<string, number> } | { fits: false; shortage: QuotaShortage };

/**
 * Decides whether a holder may hold `wanted` in place of `held`. Only a limit that grows can refuse, so that a tenant over
 * its quota may still shrink, and change what does not touch the limit it is over. Amounts are whole numbers >= 0.
 */
export function admit(effective: Bounds, reserved: Sums, held: Sums, wanted: Sums): Admission {
  const sums: Record<string, number> = { ...reserved };
  for (const limit of RESERVED_LIMITS) {
    const amount = wanted[limit] ?? 0;
    if (!Number.isSafeInteger(amount) || amount < 0) throw new RangeError(`a reservation of ${limit} must be a whole number >= 0`);
    const used = reserved[limit] ?? 0;
    const requested = amount - (held[limit] ?? 0);
    const allowed = effective[limit] ?? 0;
    if (requested > 0 && used + requested > allowed) return { fits: false, shortage: { limit, allowed, used, requested } };
    if (requested !== 0) sums[limit] = used + requested;
  }
  return { fits: true, reserved: sums };
}

/** Whether a holder would hold more of anything. */
export function grows(held: Sums, wanted: Sums): boolean {
  return RESERVED_LIMITS.some((limit) => (wanted[limit] ?? 0) > (held[limit] ?? 0));
}

/** RFC 7396 over the overrides: null takes one back, so that the plan's limit is in force again. */
export function mergeOverrides(before: Limits, patch: LimitsPatch | null): StatedLimits {
  if (patch === null) return {};
  const merged = [...QUOTA_LIMITS, 'monthlySpend' as const].map((limit) => [limit, patch[limit] === undefined ? before[limit] : patch[limit]] as const);
  return Object.fromEntries(merged.filter(([, value]) => value !== undefined && value !== null)) as StatedLimits;
}
