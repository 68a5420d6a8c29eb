import type { ConditionReason, FunctionResource, ScalingMetric } from '../../contract/function-resource.js';
import { LABEL } from '../../contract/names.js';
import type { HorizontalPodAutoscaler } from '../../platform/kubernetes/kubernetes-object.js';
import { parseQuantity } from '../../platform/kubernetes/quantity.js';
import { autoscaledMetric, followsLag, targetOf } from './capacity.policy.js';
import type { LagView } from './load-view.js';

/** Name of the condition, an autoscaler's as a function's. */
export const SCALING_ACTIVE = 'ScalingActive' as const;

/** What a function's owner is told of the metric that the number of pods follows. */
export interface ScalingReport {
  /** Without a metric to follow there is nothing to tell; what was told before goes. */
  followed: boolean;
  /** Whether it can be read; absent: nothing new is known. */
  verdict?: { status: 'True' | 'False'; reason: ConditionReason; message: string };
  /** Absent: nothing new is known. */
  current?: number | undefined;
}

export interface ReportInput {
  autoscalers?: readonly HorizontalPodAutoscaler[] | undefined;
  lag?: LagView | undefined;
}

const UNITS: Record<ScalingMetric, string> = { concurrency: 'requests in flight', requests: 'requests a second', cpu: 'percent of their CPU', 'kafka-lag': 'messages that wait' };
const LONGEST_CAUSE = 500;

/** Pure. */
export function reportScaling(fn: FunctionResource, active: boolean, { autoscalers = [], lag }: ReportInput): ScalingReport {
  const byLag = followsLag(fn);
  const metric = byLag ? 'kafka-lag' : autoscaledMetric(fn.spec.scaling);
  if (metric === undefined || (!active && !byLag)) return { followed: false };
  if (lag?.problem) return { followed: true, verdict: { status: 'False', ...lag.problem } };
  const autoscaler = active ? autoscalers.find((found) => isOf(fn, found)) : undefined;
  const condition = autoscaler && activeOf(autoscaler);
  if (condition?.status === 'False' && condition.reason !== 'ScalingDisabled') {
    const message = `The autoscaler cannot read ${UNITS[metric]}, and leaves the number of pods as it is: ${(condition.message ?? '').slice(0, LONGEST_CAUSE)}`;
    return { followed: true, verdict: { status: 'False', reason: 'MetricUnavailable', message } };
  }
  if (byLag) return lag?.lag === undefined ? { followed: true } : { followed: true, verdict: read(fn, metric), current: lag.lag };
  return condition?.status === 'True' ? { followed: true, verdict: read(fn, metric), current: currentOf(autoscaler!) } : { followed: true };
}

/** Of the revision that bears most. */
function isOf({ spec, status }: FunctionResource, { metadata: { labels = {} } }: HorizontalPodAutoscaler): boolean {
  return labels[LABEL.functionId] === spec.functionId && labels[LABEL.revision] === String(status?.servingRevision ?? spec.target);
}

function read({ spec: { scaling } }: FunctionResource, metric: ScalingMetric): NonNullable<ScalingReport['verdict']> {
  return { status: 'True', reason: 'MetricRead', message: `The number of pods follows ${UNITS[metric]}: ${targetOf(scaling, metric)} for each.` };
}

/** Whether an autoscaler can read its metric; undefined before its first look. */
export function activeOf({ status }: HorizontalPodAutoscaler): { status: string; reason?: string; message?: string } | undefined {
  return status?.conditions?.find(({ type }) => type === SCALING_ACTIVE);
}

/** What it saw last, for each pod on average. */
export function currentOf({ status }: HorizontalPodAutoscaler): number | undefined {
  const [metric] = status?.currentMetrics ?? [];
  const value = metric?.resource?.current.averageUtilization ?? (metric?.pods ? parseQuantity(String(metric.pods.current.averageValue ?? '')) : undefined);
  return value === undefined || Number.isNaN(value) ? undefined : Math.round(value);
}

/** Whether a value is worth telling after another one: each telling is a write. By a quarter, or from and to nothing. */
export function differs(told: number | undefined, now: number | undefined): boolean {
  if (told === undefined || now === undefined) return now !== undefined;
  return told !== now && (told === 0 || now === 0 || Math.abs(now - told) > told / 4);
}

/** Whether messages wait of which the function's pods know nothing yet, or what waits is worth telling anew. */
export function isLagNews({ status }: FunctionResource, lag: number): boolean {
  return (lag > 0 && status?.scale?.active === false) || differs(status?.scale?.current, lag);
}
