import { describe, expect, it } from 'vitest';
import type { TrafficShare } from '../../contract/function-resource.js';
import { planTraffic, splitTag } from './traffic.policy.js';

describe('planTraffic', () => {
  it.each<[string, TrafficShare[] | undefined, number | undefined, [number, number][], [string, number][], number[]]>([
    ['no shares: all to the serving one', undefined, 3, [[3, 100]], [], [3]],
    ['an empty list likewise', [], 3, [[3, 100]], [], [3]],
    ['nothing is known', undefined, undefined, [], [], []],
    ['a canary', [{ revision: 1, percent: 80 }, { revision: 2, percent: 20 }], 1, [[1, 80], [2, 20]], [], [1, 2]],
    ['a preview has its tag alone', [{ revision: 1, percent: 100 }, { revision: 2, percent: 0, tag: 'preview' }], 1, [[1, 100]], [['preview', 2]], [1, 2]],
    ['two shares of one revision are one', [{ revision: 1, percent: 50 }, { revision: 1, percent: 20, tag: 'old' }, { revision: 2, percent: 30 }], 1, [[1, 70], [2, 30]], [['old', 1]], [1, 2]],
    ['tags alone: the main address stays the serving one\'s', [{ revision: 2, percent: 0, tag: 'a' }], 1, [[1, 100]], [['a', 2]], [2, 1]],
  ])('%s', (_name, traffic, serving, main, tags, listed) => {
    const plan = planTraffic(traffic, serving);
    expect([[...plan.main], [...plan.tags], [...plan.listed]]).toEqual([main, tags, listed]);
  });
});

describe('splitTag', () => {
  it.each([
    ['preview---orders', { tag: 'preview', name: 'orders' }], ['v2---a-b', { tag: 'v2', name: 'a-b' }], ['a---b---c', { tag: 'a', name: 'b---c' }],
    ['orders', undefined], ['---orders', undefined], ['a--b', undefined], ['preview---', { tag: 'preview', name: '' }],
  ])('%s', (name, parts) => {
    expect(splitTag(name)).toEqual(parts);
  });
});
