export const TENANT_STATES = ['active', 'deleting', 'deleted'] as const;
export type TenantState = (typeof TENANT_STATES)[number];

/** How much of a tenant is stopped, in rising order. `writes`: no changes; `ingress`: no requests either; `compute`: no pods either. */
export const SUSPENSION_LEVELS = ['none', 'writes', 'ingress', 'compute'] as const;
export type SuspensionLevel = (typeof SUSPENSION_LEVELS)[number];

/** Whether what the present month has cost is below the tenant's limit; without a limit it always is. */
export const SPENDING_STATES = ['within', 'reached'] as const;
export type SpendingState = (typeof SPENDING_STATES)[number];

/** A month that has cost what the tenant's quota allows. Amounts are decimal text in `currency`. */
export interface SpendReached {
  /** `YYYY-MM` in the tenant's time zone. */
  month: string;
  limit: string;
  spent: string;
  currency: string;
  /** When it was noticed, ISO 8601. */
  at: string;
}
