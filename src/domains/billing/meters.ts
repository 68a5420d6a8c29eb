/** What is priced; the units are those of `usage-units.policy`. */
export const METERS = ['invocations', 'gb_seconds', 'cpu_seconds', 'response_gb'] as const;
export type Meter = (typeof METERS)[number];
