import { describe, expect, test } from 'vitest';
import type { FunctionResource, FunctionStatus } from '../../contract/function-resource.js';
import type { MetricProblem } from '../scaling/load-view.js';
import { buildStatus, statusPatch, type Failure } from './function-status.plan.js';
import { transitionEvent } from './function.events.js';
import { planFunction } from './function.plan.js';
import type { Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { carriedOut, functionOf, IMAGE, NOTHING, NOW, podOf } from './testing/observed.js';
import { revision } from './testing/test-tenant.js';

const FAILURE: Failure = { reason: 'StartupFailed', message: 'It crashed.' };
const both = { target: 2, revisions: [revision(1, IMAGE), revision(2, IMAGE)] };

function statusOf(fn: FunctionResource, pods: Pod[], failure?: Failure, now = NOW): FunctionStatus {
  const world = carriedOut(planFunction(fn, NOTHING, now), NOTHING, pods);
  return buildStatus({ fn, plan: planFunction(fn, world, now), failure, now });
}

const short = (status: FunctionStatus): Record<string, string> => Object.fromEntries((status.conditions ?? []).map(({ type, status: held, reason }) => [type, `${held} ${reason}`]));

describe('verdicts', () => {
  test.each<[string, FunctionResource, (fn: FunctionResource) => Pod[], Failure | undefined, Record<string, string>]>([
    ['starting', functionOf(), (fn) => [podOf(fn, 1)], undefined, { Ready: 'False Deploying', Reconciling: 'True Deploying', Serving: 'False NoRevision' }],
    ['ready', functionOf(), (fn) => [podOf(fn, 1, { ready: true })], undefined, { Ready: 'True Ready', Reconciling: 'False Settled', Serving: 'True Ready' }],
    ['first deploy failed', functionOf(), (fn) => [podOf(fn, 1)], FAILURE, { Ready: 'False StartupFailed', Reconciling: 'True RetryingAfterError', Serving: 'False NoRevision' }],
    ['later deploy failed', functionOf(both, { servingRevision: 1 }), (fn) => [podOf(fn, 1, { ready: true }), podOf(fn, 2)], FAILURE, { Ready: 'False StartupFailed', Reconciling: 'True RetryingAfterError', Serving: 'True Ready' }],
    ['serving crashed', functionOf({}, { servingRevision: 1 }), (fn) => [podOf(fn, 1)], { reason: 'CrashLooping', message: 'x' }, { Ready: 'False CrashLooping', Reconciling: 'True RetryingAfterError', Serving: 'False CrashLooping' }],
    ['below its minimum', functionOf({ scaling: { min: 2, max: 3 } }, { servingRevision: 1 }), (fn) => [podOf(fn, 1, { ready: true })], undefined, { Ready: 'False Deploying', Reconciling: 'True Deploying', Serving: 'True Ready' }],
    ['suspended', functionOf({ suspension: 'compute' }, { servingRevision: 1 }), () => [], undefined, { Ready: 'False Suspended', Reconciling: 'False Settled', Serving: 'False Suspended' }],
    ['ingress blocked', functionOf({ suspension: 'ingress' }), (fn) => [podOf(fn, 1, { ready: true })], undefined, { Ready: 'False Suspended', Reconciling: 'False Settled', Serving: 'False Suspended' }],
  ])('%s', (_what, fn, pods, failure, expected) => {
    expect(short(statusOf(fn, pods(fn), failure))).toEqual(expected);
  });

  test('numbers and generations', () => {
    expect(statusOf(functionOf({ scaling: { min: 2, max: 3 } }), [podOf(functionOf(), 1, { ready: true }), podOf(functionOf(), 1, { ready: true })]))
      .toMatchObject({ observedGeneration: 3, observedPlatformGeneration: 7, servingRevision: 1, replicas: 2, readyReplicas: 2 });
  });

  test('the metric that is followed is told where there is one, and no more where there is none', () => {
    const scaling = { min: 0, max: 3, metric: 'kafka-lag' as const, target: 10, kafka: { brokers: ['kafka.example:9092'], topic: 'orders', consumerGroup: 'shop' } };
    const told = (fn: FunctionResource, lag: number | undefined, problem?: MetricProblem): FunctionStatus => {
      const scaled = { scaling: { lag: { lag, partitions: 3, lastLaggedAt: NOW, problem } } };
      return buildStatus({ fn, plan: planFunction(fn, carriedOut(planFunction(fn, NOTHING, NOW), NOTHING, [podOf(fn, 1, { ready: true })]), NOW, scaled), failure: undefined, now: NOW });
    };
    const first = told(functionOf({ scaling }), 70);
    expect([short(first).ScalingActive, first.scale?.current]).toEqual(['True MetricRead', 70]);
    // What says much the same is not written again; what is not known changes nothing.
    expect([told(functionOf({ scaling }, first), 75).scale?.current, told(functionOf({ scaling }, first), undefined).scale?.current, told(functionOf({ scaling }, first), 7).scale?.current]).toEqual([70, 70, 7]);
    expect(short(told(functionOf({ scaling }, first), undefined)).ScalingActive).toBe('True MetricRead');
    const failed = told(functionOf({ scaling }, first), undefined, { reason: 'BrokerUnreachable', message: 'The broker kafka.example:9092 could not be reached.' });
    expect(short(failed)).toMatchObject({ ScalingActive: 'False BrokerUnreachable', Ready: 'True Ready' });
    const other = told(functionOf({ scaling: { min: 0, max: 3 } }, failed), undefined);
    expect([short(other).ScalingActive, other.scale?.current]).toEqual([undefined, undefined]);
  });

  test('a failed deploy says who keeps serving', () => {
    const fn = functionOf(both, { servingRevision: 1 });
    expect(statusOf(fn, [podOf(fn, 1, { ready: true })], FAILURE).conditions?.[0]?.message).toBe('It crashed.\nRevision 1 keeps serving.');
  });
});

describe('values that went from a secret', () => {
  const fn = functionOf({ revisions: [revision(1, IMAGE, { missingValues: ['db/PASSWORD', 'api'] })] });
  const words = '\nThe secret db has no PASSWORD any more; it had one when revision 1 was deployed.\nThe secret api has no values any more; it had some when revision 1 was deployed.';

  test.each<[string, Pod[], Failure | undefined, string]>([
    ['while all is well', [podOf(fn, 1, { ready: true })], undefined, `Revision 1 serves; 1 of 1 pod ready.${words}`],
    ['beside a failure', [podOf(fn, 1)], FAILURE, `It crashed.${words}`],
    ['at a start', [podOf(fn, 1)], undefined, `Revision 1 is being started; 0 of 1 pod ready.${words}`],
  ])('are named %s', (_what, pods, failure, message) => {
    expect(statusOf(fn, pods, failure).conditions?.[0]?.message).toBe(message);
  });
});

describe('patches', () => {
  const ready = (status?: FunctionStatus, now = NOW): FunctionStatus => {
    const fn = functionOf({}, status);
    return statusOf(fn, [podOf(fn, 1, { ready: true })], undefined, now);
  };

  test('none when nothing changed, however late', () => {
    expect(statusPatch(ready(), ready(ready(), NOW + 60_000))).toBeUndefined();
  });

  test('the whole status when something did; what went is null', () => {
    expect(statusPatch({ ...ready(), servingRevision: 1 }, { replicas: 0 })).toEqual({ replicas: 0, servingRevision: null, readyReplicas: null, revisions: null, rollout: null, scale: null, conditions: null, observedGeneration: null, observedPlatformGeneration: null });
  });

  test('a field that went inside of another one is null too, or a merge patch would keep it', () => {
    const rollout = { revision: 2, attempt: 1, stable: 1, phase: 'paused' as const, step: 1, weight: 20, message: 'Paused.' };
    const { message: _, ...resumed } = rollout;
    expect(statusPatch({ rollout }, { rollout: { ...resumed, phase: 'waiting' } })).toEqual({ rollout: { ...resumed, phase: 'waiting', message: null } });
    expect(statusPatch({ traffic: [{ revision: 1, percent: 100, tag: 'x' }] }, { traffic: [{ revision: 1, percent: 100 }] })).toEqual({ traffic: [{ revision: 1, percent: 100 }] });
  });

  test('events tell of transitions alone', () => {
    const failed = statusOf(functionOf(both, { servingRevision: 1 }), [], FAILURE);
    expect(transitionEvent(undefined, ready())).toMatchObject({ type: 'Normal', reason: 'Ready' });
    expect(transitionEvent(ready(), ready(ready()))).toBeUndefined();
    expect(transitionEvent(ready(), failed)).toMatchObject({ type: 'Warning', reason: 'StartupFailed' });
    expect(transitionEvent(ready(), statusOf(functionOf(both, { servingRevision: 1 }), []))).toBeUndefined();
  });
});
