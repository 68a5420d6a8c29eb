/** What is kept ready and not used; a plan that names no price shows it and asks nothing for it. */
export const CAPACITY_METERS = ['idle_gb_seconds', 'idle_cpu_seconds', 'pool_gb_seconds', 'pool_cpu_seconds'] as const;
/** What is priced; the units are those of `usage-units.policy`. */
export const METERS = ['invocations', 'gb_seconds', 'cpu_seconds', 'response_gb', ...CAPACITY_METERS] as const;
export type Meter = (typeof METERS)[number];
