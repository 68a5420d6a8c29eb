import { describe, expect, test } from 'vitest';
import type { WarmPoolResource, WarmPoolStatus } from '../../contract/pool-resource.js';
import type { Pod } from '../../platform/kubernetes/kubernetes-object.js';
import type { ObservedPool, Refusal } from './pool.plan.js';
import { planPool } from './pool.plan.js';
import { buildPoolStatus, IDLE_STEP_MS, isNews } from './pool-status.plan.js';
import { NOW, poolOf, poolPod } from './testing/pool-objects.js';

const REFUSED: Refusal = { at: '2026-01-01T11:59:00.000Z', message: 'no room', quota: true };

function statusOf(pods: Pod[], more: Partial<ObservedPool> = {}, before?: WarmPoolStatus, now = NOW): WarmPoolStatus {
  const observed: ObservedPool = { pods, functionOf: () => undefined, deploymentOf: () => undefined, claimsOf: () => [], refusalOf: () => undefined, ...more };
  const pool: WarmPoolResource = { ...poolOf(), ...(before ? { status: before } : {}) };
  return buildPoolStatus(pool, planPool(pool, observed, now), observed, now);
}

/** One whose container started so long ago. */
function startedPod(agoMs: number, more: Parameters<typeof poolPod>[0] = {}): Pod {
  return poolPod({ ageMs: agoMs + 1_000, ...more, status: { containerStatuses: [{ state: { running: { startedAt: new Date(NOW - agoMs).toISOString() } } }] as never } });
}

const ready = (status: WarmPoolStatus): string => `${status.conditions?.[0]?.status} ${status.conditions?.[0]?.reason}: ${status.conditions?.[0]?.message}`;

describe('the state of a pool', () => {
  test.each<[string, Pod[], Partial<ObservedPool>, string]>([
    ['is ready when as many wait as are wanted', [poolPod(), poolPod()], {}, 'True Filled: As many pods wait as are wanted.'],
    ['is filling while pods start', [poolPod()], {}, 'False Filling: Pods for python are being started.'],
    ['names the quota that has no room', [poolPod()], { refusalOf: () => REFUSED }, 'False QuotaRefused: no room'],
    ['names what else the cluster refuses', [poolPod()], { refusalOf: () => ({ ...REFUSED, message: 'no such account', quota: false }) }, 'False PodsNotReady: no such account'],
    ['names what keeps pods from being ready', [poolPod({ ready: false, ageMs: 9_000, status: { conditions: [{ type: 'PodScheduled', status: 'False', message: 'no node' }] as never } })], {}, 'False PodsNotReady: A pod of the pool is not ready yet: no node.'],
  ])('%s', (_, pods, more, expected) => {
    expect(ready(statusOf(pods, more))).toBe(expected);
  });

  test('a condition keeps its time while it holds, and the last refusal is kept when it is over', () => {
    const before = statusOf([poolPod()], { refusalOf: () => REFUSED }, undefined, NOW - 60_000);
    const still = statusOf([poolPod()], { refusalOf: () => REFUSED }, before);
    expect(still.conditions?.[0]?.lastTransitionTime).toBe(before.conditions?.[0]?.lastTransitionTime);
    const over = statusOf([poolPod(), poolPod()], {}, still);
    expect([ready(over), over.runtimes?.[0]?.refusal]).toEqual(['True Filled: As many pods wait as are wanted.', { at: REFUSED.at, message: 'no room' }]);
  });

  test('claims of the last ten minutes are told', () => {
    expect(statusOf([], { claimsOf: () => [NOW - 700_000, NOW - 500_000, NOW - 1_000] }).runtimes?.[0]?.claims).toBe(2);
  });
});

describe('time that pods waited', () => {
  test('is added up from where it was counted to, once', () => {
    const pods = [startedPod(10_000), startedPod(4_000), startedPod(8_000, { state: 'claimed', claimedAgoMs: 3_000 }), poolPod({ ready: false })];
    const first = statusOf(pods);
    expect(first.runtimes?.[0]?.idleMs).toBe(10_000 + 4_000 + 5_000);
    // Another operator goes on from there.
    const second = statusOf(pods, {}, first, NOW + 2_000);
    expect(second.runtimes?.[0]?.idleMs).toBe(19_000 + 2 * 2_000);
    expect(statusOf([], {}, second, NOW + 90_000).runtimes?.[0]?.idleMs).toBe(23_000);
  });

  test('is written every few minutes alone, and not while nothing waits', () => {
    const pods = [startedPod(10_000), startedPod(10_000)];
    const before = statusOf(pods);
    expect(isNews(before, statusOf(pods, {}, before, NOW + IDLE_STEP_MS - 1))).toBe(false);
    expect(isNews(before, statusOf(pods, {}, before, NOW + IDLE_STEP_MS))).toBe(true);
    expect(isNews(before, statusOf(pods, { claimsOf: () => [NOW] }, before, NOW + 1))).toBe(true);
    const empty = statusOf([]);
    expect(isNews(empty, statusOf([], {}, empty, NOW + 10 * IDLE_STEP_MS))).toBe(false);
    expect(isNews(undefined, empty)).toBe(true);
  });
});
