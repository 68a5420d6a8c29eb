import { expect, test } from 'vitest';
import { DEMAND_WINDOW_MS, demandChangesAt, REFILL_MS, wantedPods } from './demand.policy.js';

const NOW = 10_000_000;
const ago = (...seconds: number[]): number[] => seconds.map((one) => NOW - one * 1_000).sort((a, b) => a - b);
const BOUNDS = { min: 1, max: 5 };

test.each([
  ['nothing was claimed', [], 1],
  ['one claim', ago(30), 1],
  ['three within a refill', ago(30, 31, 32), 3],
  ['three far apart', ago(30, 60, 90), 1],
  ['the largest of several bursts', ago(10, 11, 100, 101, 102, 103, 300), 4],
  ['a burst beyond the bound', ago(1, 2, 3, 4, 5, 6, 7, 8), 5],
  ['a burst that is long over', ago(700, 701, 702, 703), 1],
  ['claims exactly a refill apart', ago(0, REFILL_MS / 1_000), 1],
])('%s', (_what, claims, wanted) => {
  expect(wantedPods(claims, BOUNDS, NOW)).toBe(wanted);
});

test('an empty pool stays empty without demand, and opens with it', () => {
  expect(wantedPods([], { min: 0, max: 3 }, NOW)).toBe(0);
  expect(wantedPods(ago(5), { min: 0, max: 3 }, NOW)).toBe(1);
  expect(wantedPods(ago(5), { min: 0, max: 0 }, NOW)).toBe(0);
});

test('the next change is when the oldest claim that counts leaves the window', () => {
  expect(demandChangesAt(ago(900, 30, 20), NOW)).toBe(NOW - 30_000 + DEMAND_WINDOW_MS);
  expect(demandChangesAt(ago(900), NOW)).toBeUndefined();
});
