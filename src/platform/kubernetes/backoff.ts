export interface BackoffOptions {
  /** First delay. */
  baseMs: number;
  maxMs: number;
  /** Share of the delay that is random, 0 to 1, default 0.5: many clients must not come back at once. */
  jitter?: number;
}

/** Delay before retry number `failures` (1 is the first): doubles up to `maxMs`, with jitter below it. */
export function backoffMs(failures: number, options: BackoffOptions, random: () => number = Math.random): number {
  const { baseMs, maxMs, jitter = 0.5 } = options;
  const full = Math.min(maxMs, baseMs * 2 ** Math.min(Math.max(failures - 1, 0), 30));
  return Math.round(full * (1 - jitter * random()));
}
