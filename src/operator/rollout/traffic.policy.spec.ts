import { describe, expect, test } from 'vitest';
import type { RolloutStatus, RolloutStrategy, TrafficRule, TrafficShare } from '../../contract/function-resource.js';
import { greatestShare, resolveTraffic } from './traffic.policy.js';

interface World {
  rules: TrafficRule[];
  rollout?: Partial<RolloutStatus>;
  strategy?: RolloutStrategy;
  before?: TrafficShare[];
  ready?: Record<number, number>;
  needed?: number;
}

const ALL: TrafficRule[] = [{ percent: 100 }];
const one = (revision: number, percent = 100, tag?: string): TrafficShare => ({ revision, percent, ...(tag ? { tag } : {}) });

function resolve({ rules, rollout, strategy = 'canary', before = [one(1)], ready = { 1: 2, 2: 2, 3: 2 }, needed = 2 }: World) {
  const status = rollout && { revision: 2, attempt: 1, stable: 1, phase: 'paused' as const, step: 1, weight: 0, ...rollout };
  return resolveTraffic({ rules, rollout: status, strategy, before, ready: (revision) => ready[revision] ?? 0, needed: () => needed });
}

const short = (traffic: TrafficShare[]): string => traffic.map(({ revision, percent, tag }) => `${revision}:${percent}${tag ? `#${tag}` : ''}`).join(' ');

test.each<[string, World, string]>([
  ['nothing ever served', { rules: ALL, rollout: { stable: undefined as never }, before: [] }, ''],
  ['a rollout that begins', { rules: ALL, rollout: {} }, '1:100'],
  ['a rollout at 20 %', { rules: ALL, rollout: { weight: 20 } }, '1:80 2:20'],
  ['a rollout at 80 %', { rules: ALL, rollout: { weight: 80 } }, '2:80 1:20'],
  ['a rollout that is done', { rules: ALL, rollout: { weight: 100, phase: 'completed' } }, '2:100'],
  ['a rollout that was ended', { rules: ALL, rollout: { weight: 0, phase: 'aborted' }, before: [one(1, 80), one(2, 20)] }, '1:100'],
  ['the stable one keeps its share without pods', { rules: ALL, rollout: { weight: 20 }, ready: { 2: 2 } }, '1:80 2:20'],
  ['half of a part', { rules: [{ percent: 50 }, { revision: 3, percent: 50 }], rollout: { weight: 50 }, before: [one(1, 50), one(3, 50)] }, '3:50 1:25 2:25'],
  ['a weight too small to be a percent is one', { rules: [{ percent: 10 }, { revision: 3, percent: 90 }], rollout: { weight: 1 }, before: [one(3, 90), one(1, 10)] }, '3:90 1:9 2:1'],
  ['a weight just below all leaves one', { rules: [{ percent: 10 }, { revision: 3, percent: 90 }], rollout: { weight: 99 }, before: [one(3, 90), one(1, 10)] }, '3:90 2:9 1:1'],
  ['a rollout of nothing', { rules: [{ percent: 0, tag: 'next' }, { revision: 3, percent: 100 }], rollout: { weight: 100, phase: 'completed' }, before: [one(3)] }, '3:100 2:0#next'],
  ['rules for revisions alone', { rules: [{ revision: 1, percent: 70 }, { revision: 3, percent: 30 }] }, '1:70 3:30'],
  ['several rules for one revision', { rules: [{ revision: 3, percent: 30 }, { revision: 3, percent: 30, tag: 'x' }, { revision: 1, percent: 40 }] }, '3:60#x 1:40'],
  ['a rule for the target, beside its rollout', { rules: [{ percent: 50 }, { revision: 2, percent: 50 }], rollout: { weight: 20 } }, '2:60 1:40'],
  ['first rules hold as soon as anybody is ready', { rules: [{ revision: 1, percent: 70 }, { revision: 3, percent: 30 }], before: [], ready: { 3: 1 } }, '3:100'],
])('%s', (_what, world, expected) => {
  expect(short(resolve(world).traffic)).toBe(expected);
});

describe('a revision that is not ready for its share', () => {
  const rules: TrafficRule[] = [{ revision: 1, percent: 70 }, { revision: 3, percent: 30 }];

  test.each<[string, World, string, object[]]>([
    ['has none: it stays with the last good one', { rules, ready: { 1: 2, 3: 1 } }, '1:100', [{ revision: 3, percent: 30, granted: 0, ready: 1, needed: 2 }]],
    ['keeps what it had when some of its pods are left', { rules, before: [one(1, 70), one(3, 30)], ready: { 1: 2, 3: 1 } }, '1:70 3:30', []],
    ['loses it to the last good one with all its pods', { rules, before: [one(1, 70), one(3, 30)], ready: { 1: 2 } }, '1:100', [{ revision: 3, percent: 30, granted: 0 }]],
    ['keeps what it had when nobody has pods: at zero', { rules, before: [one(1, 70), one(3, 30)], ready: {} }, '1:70 3:30', []],
    ['gets no more than it had until it can bear it', { rules: [{ revision: 1, percent: 20 }, { revision: 3, percent: 80 }], before: [one(1, 80), one(3, 20)], ready: { 1: 2, 3: 1 } }, '1:80 3:20', [{ revision: 3, percent: 80, granted: 20 }]],
    ['gives up at once what it shall have no more', { rules: [{ revision: 1, percent: 90 }, { revision: 3, percent: 10 }], before: [one(1, 70), one(3, 30)], ready: { 1: 2, 3: 1 } }, '1:90 3:10', []],
    ['both new ones: all stays where it was', { rules: [{ revision: 2, percent: 50 }, { revision: 3, percent: 50 }], ready: { 1: 2 } }, '1:100', [{ revision: 2 }, { revision: 3 }]],
    ['one of two new ones: the other half stays', { rules: [{ revision: 2, percent: 50 }, { revision: 3, percent: 50 }], ready: { 1: 2, 3: 2 } }, '1:50 3:50', [{ revision: 2, granted: 0 }]],
    ['of several that had a share, one with pods takes it', { rules: [{ revision: 3, percent: 100 }], before: [one(1, 60), one(2, 40)], ready: { 2: 1 } }, '2:100', [{ revision: 3 }]],
  ])('%s', (_what, world, expected, held) => {
    const resolved = resolve(world);
    expect(short(resolved.traffic)).toBe(expected);
    expect(resolved.held).toMatchObject(held);
  });
});

describe('tags', () => {
  test.each<[string, World, string]>([
    ['reach a ready revision without a share', { rules: [{ percent: 100 }, { revision: 3, percent: 0, tag: 'old' }], rollout: { weight: 100 }, ready: { 2: 1, 3: 1 } }, '2:100 3:0#old'],
    ['reach none that was never ready', { rules: [{ percent: 100 }, { revision: 3, percent: 0, tag: 'old' }], rollout: { weight: 100 }, ready: { 2: 1 } }, '2:100'],
    ['stay while their revision has no pods for a moment', { rules: [{ percent: 100 }, { revision: 3, percent: 0, tag: 'old' }], rollout: { weight: 100 }, before: [one(2), one(3, 0, 'old')], ready: { 2: 1 } }, '2:100 3:0#old'],
    ['of one revision may be several', { rules: [{ percent: 100 }, { revision: 3, percent: 0, tag: 'a' }, { revision: 3, percent: 0, tag: 'b' }], rollout: { weight: 100 } }, '2:100 3:0#a 3:0#b'],
    ['of the rollout follow what it holds for good', { rules: [{ percent: 100, tag: 'live' }], rollout: { weight: 50 } }, '1:50#live 2:50'],
    ['of the rollout move at its end', { rules: [{ percent: 100, tag: 'live' }], rollout: { weight: 100 } }, '2:100#live'],
    ['preview: a blue-green target before its promotion', { rules: ALL, rollout: {}, strategy: 'blue-green' }, '1:100 2:0#preview'],
    ['preview: none while it has no pod', { rules: ALL, rollout: {}, strategy: 'blue-green', ready: { 1: 1 } }, '1:100'],
    ['preview: none afterwards', { rules: ALL, rollout: { weight: 100, phase: 'completed' }, strategy: 'blue-green', before: [one(1), one(2, 0, 'preview')] }, '2:100'],
    ['preview: none when it was ended', { rules: ALL, rollout: { phase: 'aborted' }, strategy: 'blue-green', before: [one(1), one(2, 0, 'preview')] }, '1:100'],
    ['preview: an owner\'s own tag of that name wins', { rules: [{ percent: 100 }, { revision: 3, percent: 0, tag: 'preview' }], rollout: {}, strategy: 'blue-green' }, '1:100 3:0#preview'],
  ])('%s', (_what, world, expected) => {
    expect(short(resolve(world).traffic)).toBe(expected);
  });
});

test('whatever happens, the shares of whole percents sum to 100, and each entry of 0 has a tag', () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  for (let round = 0; round < 5_000; round += 1) {
    const first = random(101);
    const second = random(101 - first);
    const rules: TrafficRule[] = [{ percent: first }, { revision: 1 + random(4), percent: second, tag: 'a' }, { revision: 1 + random(4), percent: 100 - first - second }];
    const cut = random(101);
    const { traffic } = resolve({
      rules, rollout: { weight: random(101), stable: 1 + random(2) === 1 ? 1 : (3 as never) }, before: [one(1, cut), one(4, 100 - cut)].filter(({ percent }) => percent > 0),
      ready: { 1: random(3), 2: random(3), 3: random(3), 4: random(3) }, strategy: random(2) === 0 ? 'canary' : 'blue-green',
    });
    expect([traffic.reduce((sum, { percent }) => sum + percent, 0), traffic.every(({ percent, tag }) => Number.isInteger(percent) && (percent > 0 || (percent === 0 && tag !== undefined)))]).toEqual([100, true]);
  }
});

test('of equal shares the one that was main stays it', () => {
  expect(greatestShare([one(1, 50), one(2, 50)], 2)).toBe(2);
  expect(greatestShare([one(1, 50), one(2, 50)], undefined)).toBe(1);
  expect(greatestShare([one(2, 60), one(1, 40)], 1)).toBe(2);
});
