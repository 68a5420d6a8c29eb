import { DEFAULT_BURST, DEFAULT_SCALE_DOWN_DELAY_SECONDS, type FunctionResource } from '../../../contract/function-resource.js';
import { revisionName } from '../../../contract/names.js';
import { withInputHash } from '../../../platform/kubernetes/drift.js';
import type { HorizontalPodAutoscaler } from '../../../platform/kubernetes/kubernetes-object.js';
import { decimalQuantity } from '../../../platform/kubernetes/quantity.js';
import { childMetadata, revisionLabels } from '../../function/manifests/function-labels.js';
import { targetOf, type AutoscaledMetric } from '../capacity.policy.js';
import { POD_METRIC } from '../pod-metric.js';

export interface AutoscalerInput {
  revision: number;
  metric: AutoscaledMetric;
  min: number;
  max: number;
}

/** The metric is looked at over this time; a burst is what it may add. */
const PERIOD_SECONDS = 15;

type MetricSpec = NonNullable<NonNullable<HorizontalPodAutoscaler['spec']>['metrics']>[number];

/** Moves the number of one revision's pods by what each of them bears. It has the name of the Deployment that it scales. */
export function buildAutoscaler(fn: FunctionResource, { revision, metric, min, max }: AutoscalerInput): HorizontalPodAutoscaler {
  const { scaling } = fn.spec;
  const name = revisionName(fn.metadata.name, revision);
  return withInputHash<HorizontalPodAutoscaler>({
    metadata: childMetadata(fn, name, revisionLabels(fn, revision)),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas: min,
      maxReplicas: max,
      metrics: [buildMetric(metric, targetOf(scaling, metric))],
      behavior: {
        scaleUp: {
          stabilizationWindowSeconds: 0,
          selectPolicy: 'Max',
          policies: [{ type: 'Pods', value: scaling.burst ?? DEFAULT_BURST, periodSeconds: PERIOD_SECONDS }],
        },
        scaleDown: {
          stabilizationWindowSeconds: scaling.scaleDownDelaySeconds ?? DEFAULT_SCALE_DOWN_DELAY_SECONDS,
          selectPolicy: 'Max',
          policies: [{ type: 'Percent', value: 100, periodSeconds: PERIOD_SECONDS }],
        },
      },
    },
  });
}

function buildMetric(metric: AutoscaledMetric, target: number): MetricSpec {
  if (metric === 'cpu') return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: Math.round(target) } } };
  return { type: 'Pods', pods: { metric: { name: POD_METRIC[metric] }, target: { type: 'AverageValue', averageValue: decimalQuantity(target) } } };
}
