import { describe, expect, test } from 'vitest';
import type { FunctionSpec, FunctionStatus, ScalingSpec } from '../../contract/function-resource.js';
import type { HorizontalPodAutoscaler } from '../../platform/kubernetes/kubernetes-object.js';
import { functionOf, NOW } from '../function/testing/observed.js';
import type { FunctionLoadView } from './load-view.js';
import { decideScale, type ScaleInput } from './scale.policy.js';

const counts = (entries: Record<number, number> = {}): Map<number, number> => new Map(Object.entries(entries).map(([number, count]) => [Number(number), count]));

interface Given {
  scaling: ScalingSpec;
  shares?: Record<number, number>;
  ready?: Record<number, number>;
  status?: FunctionStatus;
  spec?: Partial<FunctionSpec>;
  input?: Partial<ScaleInput>;
}

function decide({ scaling, shares = { 1: 100 }, ready = {}, status = {}, spec = {}, input = {} }: Given) {
  const known: FunctionStatus = { observedPlatformGeneration: 7, servingRevision: 1, ...status };
  return decideScale(functionOf({ scaling, ...spec }, known), { now: NOW, shares: counts(shares), ready: counts(ready), ...input });
}

/** `[replicas, needed]` of each revision. */
function pods(given: Given): Record<number, [number | undefined, number]> {
  return Object.fromEntries(decide(given).revisions.map(({ number, replicas, needed }) => [number, [replicas, needed]]));
}

const BY_REQUESTS: ScalingSpec = { min: 2, max: 10, metric: 'requests', target: 100 };

describe('a fixed number of pods', () => {
  test.each<[string, Given, Record<number, [number | undefined, number]>]>([
    ['is the minimum', { scaling: { min: 3, max: 10 } }, { 1: [3, 3] }],
    ['is one where none is kept', { scaling: { min: 0, max: 10 } }, { 1: [1, 1] }],
    ['is the minimum where the metric leaves no room', { scaling: { min: 3, max: 3, metric: 'requests', target: 100 } }, { 1: [3, 3] }],
    ['is the share of the minimum, rounded up', { scaling: { min: 5, max: 5 }, shares: { 1: 100, 2: 30 } }, { 1: [5, 5], 2: [2, 2] }],
    ['is nothing while suspended', { scaling: { min: 3, max: 10 }, spec: { suspension: 'compute' } }, { 1: [0, 3] }],
    ['is nothing while asleep', { scaling: { min: 0, max: 10 }, status: { scale: { active: false, since: '2026-01-01T11:00:00Z' } } }, { 1: [0, 1] }],
  ])('%s', (_, given, expected) => {
    expect(pods(given)).toEqual(expected);
    expect(decide(given).autoscalers).toEqual({ applies: [], removals: [] });
  });
});

describe('an autoscaled number', () => {
  test.each<[string, Given, Record<number, [number | undefined, number]>]>([
    ['is the autoscaler\'s', { scaling: BY_REQUESTS, input: { replicas: counts({ 1: 4 }) } }, { 1: [undefined, 2] }],
    ['is the autoscaler\'s while nothing is known of the Deployment', { scaling: BY_REQUESTS }, { 1: [undefined, 2] }],
    ['begins at the minimum', { scaling: BY_REQUESTS, input: { replicas: counts() } }, { 1: [2, 2] }],
    ['begins anew where it had been stopped', { scaling: BY_REQUESTS, input: { replicas: counts({ 1: 0 }) } }, { 1: [2, 2] }],
    ['begins with no more than a burst', { scaling: { ...BY_REQUESTS, min: 8, burst: 3 }, input: { replicas: counts({ 1: 0 }) } }, { 1: [3, 8] }],
    ['begins with one pod where none is kept', { scaling: { ...BY_REQUESTS, min: 0 }, input: { replicas: counts({ 1: 0 }) } }, { 1: [1, 1] }],
    ['is the autoscaler\'s where it follows what waits in Kafka', { scaling: { min: 1, max: 9, metric: 'kafka-lag', target: 100 }, input: { replicas: counts({ 1: 4 }) } }, { 1: [undefined, 1] }],
    ['is fixed for a share that one pod bears at most', { scaling: BY_REQUESTS, shares: { 1: 100, 2: 5 }, input: { replicas: counts({ 1: 2 }) } }, { 1: [undefined, 2], 2: [1, 1] }],
  ])('%s', (_, given, expected) => {
    expect(pods(given)).toEqual(expected);
  });

  test('has an autoscaler a revision, each bounded by its share', () => {
    const { autoscalers } = decide({ scaling: BY_REQUESTS, shares: { 1: 100, 2: 50 }, ready: { 1: 6 } });
    expect(autoscalers.applies.map(({ manifest }) => (manifest as HorizontalPodAutoscaler).spec)).toMatchObject([
      { scaleTargetRef: { name: 'shop-r00001' }, minReplicas: 2, maxReplicas: 10 },
      { scaleTargetRef: { name: 'shop-r00002' }, minReplicas: 3, maxReplicas: 5 },
    ]);
  });

  test('has none while asleep', () => {
    const status: FunctionStatus = { scale: { active: false, since: '2026-01-01T11:00:00Z' } };
    expect(decide({ scaling: { ...BY_REQUESTS, min: 0 }, status }).autoscalers.applies).toEqual([]);
  });
});

describe('what a revision needs before it takes a share from another', () => {
  const canary = (percent: number, present: number): Pick<Given, 'shares' | 'status'> => ({
    shares: { 1: 100, 2: percent },
    status: { traffic: [{ revision: 1, percent: 100 - present }, { revision: 2, percent: present }] },
  });
  test.each<[string, Given, number]>([
    ['its part of the pods that bear the load', { scaling: BY_REQUESTS, ...canary(20, 0), ready: { 1: 9 } }, 2],
    ['all of them for all of the load', { scaling: BY_REQUESTS, ...canary(100, 0), ready: { 1: 9 } }, 9],
    ['counted up from what the others bear', { scaling: BY_REQUESTS, ...canary(100, 50), ready: { 1: 3, 2: 3 } }, 6],
    ['whatever it has itself', { scaling: BY_REQUESTS, ...canary(50, 20), ready: { 1: 4, 2: 40 } }, 3],
    ['at most the maximum', { scaling: BY_REQUESTS, ...canary(100, 0), ready: { 1: 14 } }, 10],
    ['at least its part of the minimum', { scaling: { ...BY_REQUESTS, min: 4 }, ...canary(50, 0), ready: { 1: 0 } }, 2],
    ['no more than its part of the minimum for what it has', { scaling: BY_REQUESTS, ...canary(50, 50), ready: { 1: 9 } }, 1],
    ['no more than the fixed number', { scaling: { min: 2, max: 10 }, ...canary(100, 0), ready: { 1: 7 } }, 2],
    ['one pod for a tag alone', { scaling: BY_REQUESTS, ...canary(0, 0), ready: { 1: 9 } }, 1],
    ['of the serving one where no shares are written', { scaling: BY_REQUESTS, shares: { 1: 100, 2: 100 }, ready: { 1: 5 } }, 5],
  ])('%s', (_, given, needed) => {
    expect(decide(given).revisions.find(({ number }) => number === 2)?.needed).toBe(needed);
  });

  test('a first revision needs its minimum', () => {
    expect(decide({ scaling: BY_REQUESTS, status: { servingRevision: undefined } }).revisions[0]?.needed).toBe(2);
  });
});

describe('pods of the warm pool', () => {
  const load = (more: Partial<FunctionLoadView>): FunctionLoadView => ({ lastActiveAt: NOW, perSecond: 0, concurrency: 0, waiting: 0, complete: true, ...more });
  const awake: FunctionStatus = { scale: { active: true, since: '2026-01-01T11:59:59Z' } };
  test.each<[string, Given, number | undefined]>([
    ['bear a fixed function', { scaling: { min: 0, max: 1 }, input: { claimedReady: 1 } }, 0],
    ['bear what is below their target', { scaling: { min: 0, max: 5, metric: 'concurrency', target: 10 }, input: { claimedReady: 1, load: load({ concurrency: 8, waiting: 2 }) } }, 0],
    ['bear no more', { scaling: { min: 0, max: 5, metric: 'concurrency', target: 10 }, input: { claimedReady: 1, load: load({ concurrency: 9, waiting: 2 }), replicas: counts({ 1: 0 }) } }, 1],
    ['bear requests below their target', { scaling: { min: 0, max: 5, metric: 'requests', target: 10 }, input: { claimedReady: 2, load: load({ perSecond: 20 }) } }, 0],
    ['bear none that are scaled by CPU', { scaling: { min: 0, max: 5, metric: 'cpu', target: 60 }, input: { claimedReady: 2, replicas: counts({ 1: 0 }) } }, 1],
    ['are being taken', { scaling: { min: 0, max: 5, metric: 'cpu', target: 60 }, input: { claiming: true, replicas: counts({ 1: 0 }) } }, 0],
    ['are asked for while its own is on its way, which goes on', { scaling: { min: 0, max: 1 }, input: { claiming: true, replicas: counts({ 1: 1 }) } }, 1],
    ['are asked for beside the pod of another revision', { scaling: { min: 0, max: 1 }, input: { claiming: true, replicas: counts({ 1: 0, 2: 1 }) } }, 0],
    ['are no minimum', { scaling: { min: 1, max: 1 }, input: { claimedReady: 1 } }, 1],
    ['bear no two revisions', { scaling: { min: 0, max: 1 }, shares: { 1: 50, 2: 50 }, input: { claimedReady: 1 } }, 1],
  ])('%s', (_, given, replicas) => {
    expect(decide({ status: awake, ...given }).revisions[0]?.replicas).toBe(replicas);
  });
});
