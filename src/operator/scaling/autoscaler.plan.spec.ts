import { describe, expect, test } from 'vitest';
import { LABEL } from '../../contract/names.js';
import type { HorizontalPodAutoscaler } from '../../platform/kubernetes/kubernetes-object.js';
import { functionOf } from '../function/testing/observed.js';
import { planAutoscalers } from './autoscaler.plan.js';
import { buildAutoscaler, type AutoscalerInput } from './manifests/autoscaler.js';

const fn = functionOf({ scaling: { min: 2, max: 10, metric: 'requests', target: 100, burst: 4, scaleDownDelaySeconds: 90 } });
const WANTED: AutoscalerInput = { revision: 1, metric: 'requests', percent: 100, min: 2, max: 10 };
const stored = (object: HorizontalPodAutoscaler, metadata: Partial<HorizontalPodAutoscaler['metadata']> = {}): HorizontalPodAutoscaler => ({
  ...object, metadata: { ...object.metadata, uid: `uid-${object.metadata.name}`, resourceVersion: '5', ...metadata },
});

describe('the manifest', () => {
  test('follows the requests a second that each pod bears', () => {
    const { metadata, spec } = buildAutoscaler(fn, WANTED);
    expect(metadata).toMatchObject({
      name: 'shop-r00001', namespace: 'fnp-team', labels: { [LABEL.function]: 'shop', [LABEL.functionId]: fn.spec.functionId, [LABEL.revision]: '1', [LABEL.tenant]: fn.spec.tenantId },
      ownerReferences: [{ kind: 'Function', name: 'shop', uid: 'fn-uid', controller: true }],
    });
    expect(spec).toEqual({
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop-r00001' },
      minReplicas: 2,
      maxReplicas: 10,
      metrics: [{ type: 'Pods', pods: { metric: { name: 'http_requests_per_second' }, target: { type: 'AverageValue', averageValue: '100' } } }],
      behavior: {
        scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }] },
        scaleDown: { stabilizationWindowSeconds: 90, selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
      },
    });
  });

  test.each<[AutoscalerInput['metric'], number | undefined, object]>([
    ['concurrency', 2.5, { pods: { metric: { name: 'fnplane_concurrency' }, target: { averageValue: '2500m' } } }],
    ['concurrency', undefined, { pods: { target: { averageValue: '10' } } }],
    ['requests', 2_000, { pods: { target: { averageValue: '2k' } } }],
    ['cpu', 65, { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 65 } } }],
  ])('follows %s at %s', (metric, target, expected) => {
    const made = buildAutoscaler(functionOf({ scaling: { min: 1, max: 3, metric, target } }), { ...WANTED, metric });
    expect(made.spec?.metrics?.[0]).toMatchObject(expected);
  });

  test.each([[100, '50'], [40, '125'], [30, '166667m']])('follows what waits in Kafka by the share of %i percent', (percent, averageValue) => {
    const scaling = { min: 0, max: 3, metric: 'kafka-lag' as const, target: 50, kafka: { brokers: ['kafka.example:9092'], topic: 'orders', consumerGroup: 'shop' } };
    expect(buildAutoscaler(functionOf({ scaling }), { ...WANTED, metric: 'kafka-lag', percent }).spec?.metrics).toEqual([{
      type: 'External', external: { metric: { name: 'fnplane_kafka_lag', selector: { matchLabels: { [LABEL.functionId]: fn.spec.functionId } } }, target: { type: 'AverageValue', averageValue } },
    }]);
  });

  test('has the platform\'s bounds where the function says none', () => {
    const { behavior } = buildAutoscaler(functionOf({ scaling: { min: 1, max: 3, metric: 'cpu' } }), WANTED).spec ?? {};
    expect(behavior).toMatchObject({ scaleUp: { policies: [{ value: 10 }] }, scaleDown: { stabilizationWindowSeconds: 60 } });
  });
});

describe('the plan', () => {
  const present = stored(buildAutoscaler(fn, WANTED));

  test('writes what is missing and leaves what is there', () => {
    expect(planAutoscalers(fn, [WANTED])).toMatchObject({ applies: [{ manifest: { metadata: { name: 'shop-r00001' } }, observed: undefined }], removals: [] });
    expect(planAutoscalers(fn, [WANTED], [present])).toEqual({ applies: [], removals: [] });
  });

  test('puts right what was changed, and follows the function', () => {
    const meddled = { ...present, spec: { ...present.spec!, maxReplicas: 99 } };
    expect(planAutoscalers(fn, [WANTED], [meddled]).applies).toHaveLength(1);
    expect(planAutoscalers(fn, [{ ...WANTED, min: 3 }], [present]).applies).toMatchObject([{ manifest: { spec: { minReplicas: 3 } }, observed: present }]);
  });

  test('removes what no revision wants, and what an earlier function of the name left', () => {
    const old = stored(buildAutoscaler(fn, { ...WANTED, revision: 9 }));
    const stranger = stored(present, { labels: { [LABEL.functionId]: 'another' } });
    expect(planAutoscalers(fn, [WANTED], [present, old]).removals).toEqual([expect.objectContaining({ namespace: 'fnp-team', name: 'shop-r00009', uid: 'uid-shop-r00009' })]);
    expect(planAutoscalers(fn, [WANTED], [stranger])).toMatchObject({ applies: [], removals: [{ name: 'shop-r00001' }] });
  });

  test('waits for what is being deleted', () => {
    expect(planAutoscalers(fn, [WANTED], [stored(present, { deletionTimestamp: '2026-01-01T12:00:00Z' })])).toEqual({ applies: [], removals: [] });
  });
});
