import { describe, expect, test } from 'vitest';
import type { ScalingSpec } from '../../contract/function-resource.js';
import { LABEL } from '../../contract/names.js';
import type { HorizontalPodAutoscaler } from '../../platform/kubernetes/kubernetes-object.js';
import { functionOf } from '../function/testing/observed.js';
import type { LagView } from './load-view.js';
import { differs, isLagNews, reportScaling } from './scaling-report.policy.js';

const CPU: ScalingSpec = { min: 1, max: 5, metric: 'cpu', target: 60 };
const LAG: ScalingSpec = { min: 0, max: 5, metric: 'kafka-lag', target: 100, kafka: { brokers: ['kafka.example:9092'], topic: 'orders', consumerGroup: 'shop' } };
const lag = (more: Partial<LagView> = {}): LagView => ({ lag: 350, partitions: 3, lastLaggedAt: 0, problem: undefined, ...more });

function autoscaler(status: 'True' | 'False', metric: object = {}, reason = 'any'): HorizontalPodAutoscaler {
  const { functionId } = functionOf().spec;
  return {
    metadata: { name: 'shop-r00001', labels: { [LABEL.functionId]: functionId, [LABEL.revision]: '1' } },
    status: { desiredReplicas: 0, conditions: [{ type: 'ScalingActive', status, reason, message: 'unable to get metrics' }], currentMetrics: [metric] },
  } as unknown as HorizontalPodAutoscaler;
}

const report = (scaling: ScalingSpec, input: Parameters<typeof reportScaling>[2] = {}, active = true, suspension: 'none' | 'compute' = 'none') => reportScaling(functionOf({ scaling, target: 1, suspension }, { servingRevision: 1 }), active, input);

describe('what an owner is told of the metric', () => {
  test('is what the autoscaler saw last', () => {
    const seen = autoscaler('True', { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 93 } } });
    expect(report(CPU, { autoscalers: [seen] })).toEqual({ followed: true, current: 93, verdict: { status: 'True', reason: 'MetricRead', message: 'The number of pods follows percent of their CPU: 60 for each.' } });
    const requests = autoscaler('True', { type: 'Pods', pods: { metric: { name: 'x' }, current: { averageValue: '82500m' } } });
    expect(report({ ...CPU, metric: 'requests', target: 100 }, { autoscalers: [requests] }).current).toBe(83);
  });

  test('is why it cannot be read', () => {
    expect(report(CPU, { autoscalers: [autoscaler('False')] })).toEqual({
      followed: true, verdict: { status: 'False', reason: 'MetricUnavailable', message: 'The autoscaler cannot read percent of their CPU, and leaves the number of pods as it is: unable to get metrics' },
    });
    expect(report(LAG, { lag: lag(), autoscalers: [autoscaler('False')] }).verdict).toMatchObject({ status: 'False', reason: 'MetricUnavailable' });
    const problem = { reason: 'BrokerUnreachable' as const, message: 'The broker kafka.example:9092 could not be reached.' };
    expect(report(LAG, { lag: lag({ problem }) })).toEqual({ followed: true, verdict: { status: 'False', ...problem } });
  });

  test('is nothing new while nothing is known', () => {
    expect(report(CPU)).toEqual({ followed: true });
    expect(report(CPU, { autoscalers: [autoscaler('False', {}, 'ScalingDisabled')] })).toEqual({ followed: true });
    expect(report(LAG, { lag: lag({ lag: undefined }) })).toEqual({ followed: true });
  });

  test('goes on for messages while no pods run, and for nothing else', () => {
    expect(report(LAG, { lag: lag({ lag: 0 }) }, false)).toMatchObject({ followed: true, current: 0, verdict: { status: 'True', message: 'The number of pods follows messages that wait: 100 for each.' } });
    expect(report({ ...CPU, min: 0 }, { autoscalers: [autoscaler('True')] }, false)).toEqual({ followed: false });
    expect(report(LAG, { lag: lag() }, false, 'compute')).toEqual({ followed: false });
    expect(report({ min: 1, max: 1 })).toEqual({ followed: false });
  });
});

test.each([[undefined, 0, true], [undefined, undefined, false], [100, undefined, false], [100, 100, false], [100, 124, false], [100, 126, true], [100, 74, true], [0, 1, true], [1, 0, true]])('%s after %s: told anew %s', (told, now, expected) => {
  expect(differs(told, now)).toBe(expected);
});

test('messages are news to a function that sleeps, however few', () => {
  const asleep = functionOf({ scaling: LAG }, { scale: { active: false, since: '2026-01-01T11:00:00Z', current: 3 } });
  expect([isLagNews(asleep, 3), isLagNews(asleep, 0)]).toEqual([true, true]);
  const awake = functionOf({ scaling: LAG }, { scale: { active: true, since: '2026-01-01T11:00:00Z', current: 300 } });
  expect([isLagNews(awake, 310), isLagNews(awake, 0)]).toEqual([false, true]);
});
