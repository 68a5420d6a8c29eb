import { DEFAULT_BURST, DEFAULT_SCALE_DOWN_DELAY_SECONDS, type FunctionResource, type ScalingMetric } from '../../../contract/function-resource.js';
import { LABEL, revisionName } from '../../../contract/names.js';
import { withInputHash } from '../../../platform/kubernetes/drift.js';
import type { HorizontalPodAutoscaler } from '../../../platform/kubernetes/kubernetes-object.js';
import { decimalQuantity } from '../../../platform/kubernetes/quantity.js';
import { childMetadata, functionLabels, revisionLabels } from '../../function/manifests/function-labels.js';
import { targetOf } from '../capacity.policy.js';
import { LAG_METRIC, POD_METRIC } from '../pod-metric.js';

export interface AutoscalerInput {
  revision: number;
  metric: ScalingMetric;
  /** Of all that comes for the function. */
  percent: number;
  min: number;
  max: number;
  /** Absent: the revision's Deployment. */
  workload?: ScaledWorkload | undefined;
}

/** A workload over several revisions. */
export interface ScaledWorkload {
  apiVersion: string;
  kind: string;
  name: string;
}

/** The metric is looked at over this time; a burst is what it may add. */
const PERIOD_SECONDS = 15;

type MetricSpec = NonNullable<NonNullable<HorizontalPodAutoscaler['spec']>['metrics']>[number];

/** That of what it scales. */
export function autoscalerName(fn: FunctionResource, { revision, workload }: Pick<AutoscalerInput, 'revision' | 'workload'>): string {
  return workload?.name ?? revisionName(fn.metadata.name, revision);
}

/** Moves the number of pods by what each of them bears. */
export function buildAutoscaler(fn: FunctionResource, input: AutoscalerInput): HorizontalPodAutoscaler {
  const { revision, metric, percent, min, max, workload } = input;
  const { scaling } = fn.spec;
  const name = autoscalerName(fn, input);
  return withInputHash<HorizontalPodAutoscaler>({
    metadata: childMetadata(fn, name, workload ? functionLabels(fn) : revisionLabels(fn, revision)),
    spec: {
      scaleTargetRef: workload ?? { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas: min,
      maxReplicas: max,
      metrics: [buildMetric(fn, metric, percent)],
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

function buildMetric(fn: FunctionResource, metric: ScalingMetric, percent: number): MetricSpec {
  const target = targetOf(fn.spec.scaling, metric);
  if (metric === 'cpu') return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: Math.round(target) } } };
  if (metric === 'kafka-lag') {
    // Of all that waits this revision's pods take their share: the same as if each of them were to bear more.
    const averageValue = decimalQuantity((target * 100) / percent);
    return { type: 'External', external: { metric: { name: LAG_METRIC, selector: { matchLabels: { [LABEL.functionId]: fn.spec.functionId } } }, target: { type: 'AverageValue', averageValue } } };
  }
  return { type: 'Pods', pods: { metric: { name: POD_METRIC[metric] }, target: { type: 'AverageValue', averageValue: decimalQuantity(target) } } };
}
