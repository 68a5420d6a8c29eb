import { describe, expect, test } from 'vitest';
import type { FunctionResource } from '../../contract/function-resource.js';
import type { Deployment, Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { functionOf } from '../function/testing/observed.js';
import { isClaimable, planPool, READY_WITHIN_MS, type ObservedPool, type PoolPlan } from './pool.plan.js';
import { entryOf, NOW, poolOf, poolPod, type PoolPodOptions } from './testing/pool-objects.js';

const FUNCTION_ID = functionOf().spec.functionId;

function plan(pods: Pod[], more: Partial<Omit<ObservedPool, 'pods'>> = {}, pool = poolOf()): PoolPlan {
  return planPool(pool, { pods, functionOf: () => undefined, deploymentOf: () => undefined, claimsOf: () => [], refusalOf: () => undefined, ...more }, NOW);
}

const names = (pods: readonly Pod[]): string[] => pods.map((pod) => pod.metadata.name);
const removed = (made: PoolPlan): string[] => made.removals.map(({ pod }) => pod.metadata.name);
const created = (made: PoolPlan): number => made.creations.reduce((sum, { count }) => sum + count, 0);

describe('size', () => {
  test('an empty pool is filled to its least', () => {
    const made = plan([]);
    expect([created(made), removed(made), made.runtimes]).toEqual([2, [], [{ runtime: 'python', wanted: 2, size: 0, ready: 0, claimed: 0 }]]);
  });

  test('pods that start count as made', () => {
    expect(created(plan([poolPod({ ready: false }), poolPod()]))).toBe(0);
  });

  test('a burst makes it grow, up to its most', () => {
    const burst = Array.from({ length: 9 }, (_, index) => NOW - 1_000 - index).reverse();
    expect(created(plan([poolPod(), poolPod()], { claimsOf: () => burst }))).toBe(3);
  });

  test('what is more than wanted goes, those that start first', () => {
    const [old, fresh, starting] = [poolPod({ ageMs: 60_000 }), poolPod({ ageMs: 10_000 }), poolPod({ ready: false, ageMs: 1_000 })];
    expect(removed(plan([starting, fresh, old]))).toEqual(names([starting]));
  });

  test('no more than ten are made at once', () => {
    expect(created(plan([], {}, poolOf(entryOf({ min: 40, max: 50 }))))).toBe(10);
  });

  test('claimed and leaving pods do not count', () => {
    expect(created(plan([poolPod({ state: 'claimed', claimedAgoMs: 1_000 }), poolPod({ deleting: true }), poolPod({ state: 'serving', claimedAgoMs: 1_000 })]))).toBe(2);
  });

  test('a runtime that has no pool any more loses its waiting pods alone', () => {
    const [waiting, serving] = [poolPod({ runtime: 'go' }), poolPod({ runtime: 'go', state: 'serving', claimedAgoMs: 1_000, functionId: FUNCTION_ID })];
    expect(removed(plan([waiting, serving, poolPod(), poolPod()]))).toEqual(names([waiting]));
  });
});

describe('pods of no use', () => {
  test('those of another recipe are replaced', () => {
    const stale = poolPod({ hash: 'old' });
    const made = plan([stale, poolPod()]);
    expect([removed(made), created(made), made.runtimes[0]?.message]).toEqual([names([stale]), 1, undefined]);
  });

  test.each<[string, PoolPodOptions, RegExp]>([
    ['ended', { ready: false, status: { phase: 'Failed', message: 'evicted' } }, /ended by itself: evicted/],
    ['never ready', { ready: false, ageMs: READY_WITHIN_MS, status: { containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } }] } as never }, /not ready within 60 s: no such image/],
  ])('one that %s goes, and the status says so', (_what, options, words) => {
    const bad = poolPod(options);
    const made = plan([bad, poolPod()]);
    expect([removed(made), created(made)]).toEqual([names([bad]), 1]);
    expect(made.runtimes[0]?.message).toMatch(words);
  });

  test('one that cannot be scheduled says why before it is given up', () => {
    const stuck = poolPod({ ready: false, ageMs: 6_000, status: { conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available: insufficient cpu.' }] } as never });
    const made = plan([stuck, poolPod()]);
    expect([removed(made), made.runtimes[0]?.message]).toEqual([[], 'A pod of the pool is not ready yet: 0/1 nodes are available: insufficient cpu.']);
    expect(made.againAfterMs).toBe(READY_WITHIN_MS - 6_000);
    expect(plan([poolPod({ ready: false, ageMs: 1_000 }), poolPod()]).againAfterMs).toBe(4_000);
  });

  test('what the API server refused is told', () => {
    expect(plan([], { refusalOf: () => ({ at: '', message: 'no room', quota: true }) }).runtimes[0]?.message).toBe('no room');
  });
});

describe('pods that came out of the pool', () => {
  const ready = poolPod();
  const serving = (claimedAgoMs: number, more: PoolPodOptions = {}): Pod => poolPod({ state: 'serving', claimedAgoMs, functionId: FUNCTION_ID, ...more });
  const whys = (pod: Pod, fn: FunctionResource | undefined, deployment?: Partial<Deployment>) =>
    plan([ready, pod], { functionOf: () => fn, deploymentOf: () => deployment as Deployment | undefined }).removals.map(({ why }) => why);
  const idle = (since: number) => functionOf({}, { scale: { active: false, since: new Date(since).toISOString() } });

  test('a claim whose maker was lost is cleaned up', () => {
    expect(whys(poolPod({ state: 'claimed', claimedAgoMs: 29_000 }), undefined)).toEqual([]);
    expect(whys(poolPod({ state: 'claimed', claimedAgoMs: 30_000 }), undefined)).toEqual(['its claim did not come to an end']);
  });

  test('one that serves stays while its function is active', () => {
    expect(whys(serving(3_600_000), functionOf())).toEqual([]);
  });

  test('it goes when its function becomes idle, not while it wakes', () => {
    expect(whys(serving(5_000), idle(NOW - 60_000))).toEqual([]);
    expect(whys(serving(5_000), idle(NOW - 1_000))).toEqual(['its function is idle']);
    expect(whys(serving(60_000), idle(NOW - 3_600_000))).toEqual(['its function is idle']);
  });

  test('it goes when its revision serves no more, its function is suspended, or it ended', () => {
    expect(whys(serving(5_000, { revision: 7 }), functionOf())).toEqual(['its revision serves no more']);
    expect(whys(serving(5_000), functionOf({ suspension: 'compute' }))).toEqual(['its function is suspended']);
    expect(whys(serving(5_000, { status: { phase: 'Failed' } }), functionOf())).toEqual(['it ended']);
  });

  test('it goes when the function\'s own pods bear the load', () => {
    const own = (replicas: number, readyReplicas: number): Partial<Deployment> => ({ spec: { replicas } as never, status: { readyReplicas } });
    expect(whys(serving(10_000), functionOf(), own(1, 1))).toEqual(['its function\'s own pods are ready']);
    expect(whys(serving(10_000), functionOf(), own(2, 1))).toEqual([]);
    expect(whys(serving(10_000), functionOf(), own(0, 0))).toEqual([]);
    expect(whys(serving(3_000), functionOf(), own(1, 1))).toEqual([]);
  });

  test('a Function that is gone takes its pods along by itself', () => {
    expect(whys(serving(3_600_000), undefined)).toEqual([]);
  });
});

test.each<[string, PoolPodOptions, boolean]>([
  ['ready', {}, true],
  ['not ready', { ready: false }, false],
  ['claimed', { state: 'claimed' }, false],
  ['leaving', { deleting: true }, false],
  ['without an address', { status: { podIP: undefined } as never }, false],
])('a pod that is %s', (_what, options, claimable) => {
  expect(isClaimable(poolPod(options))).toBe(claimable);
});
