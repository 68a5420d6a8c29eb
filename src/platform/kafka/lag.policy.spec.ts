import { describe, expect, test } from 'vitest';
import { lagOf, needsEarliest } from './lag.policy.js';

describe('the lag of a partition', () => {
  test.each<[string, bigint | undefined, bigint, bigint, bigint, bigint]>([
    ['is what was written after the commit', 70n, 0n, 100n, 30n, 30n],
    ['is nothing where all is read', 100n, 0n, 100n, 0n, 0n],
    ['counts without a commit from the start position', undefined, 40n, 100n, 60n, 0n],
    ['does not count what is no longer kept', 10n, 40n, 100n, 60n, 0n],
    ['is nothing where nothing is kept any more', 10n, 100n, 100n, 0n, 0n],
    ['begins anew where the topic did', 500n, 0n, 100n, 100n, 0n],
    ['is nothing in an empty partition', undefined, 0n, 0n, 0n, 0n],
    ['is exact beyond what a double holds', 2n ** 60n, 0n, 2n ** 60n + 1n, 1n, 1n],
  ])('%s', (_, committed, earliest, end, fromEarliest, fromLatest) => {
    expect(lagOf({ committed, earliest, end }, 'earliest')).toBe(fromEarliest);
    expect(lagOf({ committed, earliest, end }, 'latest')).toBe(fromLatest);
  });

  test('asks for the oldest kept message only where it counts', () => {
    expect(needsEarliest({ committed: 100n, end: 100n }, 'earliest')).toBe(false);
    expect(needsEarliest({ committed: 99n, end: 100n }, 'latest')).toBe(true);
    expect(needsEarliest({ committed: undefined, end: 100n }, 'earliest')).toBe(true);
    expect(needsEarliest({ committed: undefined, end: 100n }, 'latest')).toBe(false);
    expect(needsEarliest({ committed: undefined, end: 0n }, 'earliest')).toBe(false);
  });
});
