import { expect, it } from 'vitest';
import { DURATION_BOUNDS } from '../../contract/request-totals.js';
import { quantileMs } from './quantile.policy.js';

/** Counts by slot. */
const of = (counts: Record<number, number>): number[] => Array.from({ length: DURATION_BOUNDS.length + 1 }, (_, slot) => counts[slot] ?? 0);

it.each<[string, Record<number, number>, number, number | null]>([
  ['nothing was counted', {}, 0.5, null],
  ['the middle of the first bucket', { 0: 10 }, 0.5, 0.5],
  ['evenly spread in a bucket', { 3: 4 }, 0.25, 6.25],
  ['the end of a bucket', { 3: 4 }, 1, 10],
  ['over empty buckets', { 0: 50, 8: 50 }, 0.75, 375],
  ['exactly what lies below', { 0: 50, 8: 50 }, 0.5, 1],
  ['beyond all bounds: the highest', { 12: 3 }, 0.99, 30_000],
  ['the first of those beyond', { 0: 1, 12: 99 }, 0.5, 30_000],
])('quantiles: %s', (_, counts, part, expected) => {
  const found = quantileMs(of(counts), part);
  if (expected === null) expect(found).toBeNull();
  else expect(found).toBeCloseTo(expected, 6);
});
