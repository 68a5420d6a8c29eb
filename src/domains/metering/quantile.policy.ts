import { DURATION_BOUNDS } from '../../contract/request-totals.js';

/**
 * A quantile of durations in milliseconds, as Prometheus' `histogram_quantile` finds it: evenly spread within a bucket, the highest bound for what is beyond all.
 * @param durations not cumulative @param part between 0 and 1 @returns null where nothing was counted
 */
export function quantileMs(durations: readonly number[], part: number): number | null {
  const total = durations.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = part * total;
  let below = 0;
  for (const [slot, count] of durations.entries()) {
    const upper = DURATION_BOUNDS[slot];
    if (upper === undefined) break;
    if (count > 0 && below + count >= rank) {
      const lower = DURATION_BOUNDS[slot - 1] ?? 0;
      return (lower + (upper - lower) * Math.max(0, rank - below) / count) * 1000;
    }
    below += count;
  }
  return DURATION_BOUNDS.at(-1)! * 1000;
}
