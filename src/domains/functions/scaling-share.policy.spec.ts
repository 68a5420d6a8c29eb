import { describe, expect, it } from 'vitest';
import { sharesOf, shareOfScaling } from './scaling-share.policy.js';

const scaling = (min: number, max: number) => ({ min, max, burst: 10, scaleDownDelaySeconds: 60, idleTimeoutSeconds: 300 });

describe('a cluster\'s share of a function\'s pods', () => {
  it.each<[number, number, number, [number, number][]]>([
    [1, 10, 1, [[1, 10]]], [4, 10, 2, [[2, 5], [2, 5]]], [3, 10, 3, [[1, 4], [1, 3], [1, 3]]], [0, 7, 2, [[0, 4], [0, 3]]],
    [5, 5, 2, [[3, 3], [2, 2]]], [1, 10, 2, [[1, 5], [1, 5]]], [1, 1, 2, [[1, 1], [1, 1]]],
  ])('of %i to %i over %i is %j', (min, max, of, expected) => {
    expect(expected.map((_, index) => shareOfScaling(scaling(min, max), { index, of })).map((share) => [share.min, share.max])).toEqual(expected);
  });

  it('adds up to the function\'s own, wherever each cluster can have a pod, and never has a min above its max', () => {
    for (let of = 1; of <= 10; of += 1) {
      for (let max = of; max <= 25; max += 1) {
        for (let min = 0; min <= max; min += 1) {
          const shares = Array.from({ length: of }, (_, index) => shareOfScaling(scaling(min, max), { index, of }));
          expect(shares.reduce((sum, share) => sum + share.max, 0)).toBe(max);
          if (min === 0 || min >= of) expect(shares.reduce((sum, share) => sum + share.min, 0)).toBe(min);
          expect(shares.every((share) => share.min <= share.max && share.max >= 1)).toBe(true);
        }
      }
    }
  });

  it.each<[string, Record<string, string>, Record<string, string>]>([
    ['is an equal one where it settled', { a: 'active', b: 'active' }, { a: '0/2', b: '1/2' }],
    ['stays what it was while another one is being prepared, which gets what it will have', { a: 'active', b: 'pending' }, { a: '0/1', b: '1/2' }],
    ['stays whole while its replacement is being prepared', { a: 'leaving', b: 'pending' }, { a: '0/1', b: '0/1' }],
    ['is that of those that stay once one leaves', { a: 'leaving', b: 'active' }, { a: '0/2', b: '0/1' }],
    ['does not count what is taken away', { a: 'active', b: 'deleting' }, { a: '0/1', b: '0/1' }],
  ])('%s', (_, states, expected) => {
    const shares = sharesOf(Object.entries(states).map(([clusterId, state]) => ({ clusterId, state })));
    expect(Object.fromEntries([...shares].map(([id, { index, of }]) => [id, `${index}/${of}`]))).toEqual(expected);
  });
});
