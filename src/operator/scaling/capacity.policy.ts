import type { FunctionResource, ScalingMetric, ScalingSpec, TrafficShare } from '../../contract/function-resource.js';
import type { FunctionLoadView } from './load-view.js';

/** What one pod shall bear where the function does not say: requests in flight, requests a second, percent of its CPU, messages that wait. */
export const DEFAULT_TARGET: Record<ScalingMetric, number> = { concurrency: 10, requests: 100, cpu: 70, 'kafka-lag': 100 };

/** Pods of a function whose number no autoscaler moves. */
export function fixedPods({ min }: ScalingSpec): number {
  return Math.max(1, min);
}

/** The metric whose autoscaler moves the number of pods; undefined: the number is fixed. */
export function autoscaledMetric(scaling: ScalingSpec): ScalingMetric | undefined {
  return scaling.max > fixedPods(scaling) ? scaling.metric : undefined;
}

/** Whether what waits in Kafka moves the number of pods: from one to many, or from none to one. */
export function followsLag({ spec, metadata }: FunctionResource): boolean {
  if (spec.suspension === 'compute' || metadata.deletionTimestamp !== undefined || spec.scaling.kafka === undefined) return false;
  return spec.scaling.min === 0 || autoscaledMetric(spec.scaling) === 'kafka-lag';
}

export function targetOf(scaling: ScalingSpec, metric: ScalingMetric): number {
  return scaling.target ?? DEFAULT_TARGET[metric];
}

/** Most pods that one function may have for all of its requests. */
export function mostPods(scaling: ScalingSpec): number {
  return autoscaledMetric(scaling) === undefined ? fixedPods(scaling) : scaling.max;
}

/**
 * Pods that must be ready before the revision may bear `percent` of the requests: its part of the minimum, and where it takes
 * requests over from others, its part of the pods that bear them now.
 */
export function neededPods(fn: FunctionResource, revision: number, percent: number, ready: ReadonlyMap<number, number>): number {
  const { scaling } = fn.spec;
  const ofMinimum = partOf(fixedPods(scaling), percent);
  const present = sharesOf(fn);
  const own = sumOf(present, (share) => share.revision === revision);
  if (percent <= own) return ofMinimum;
  const others = new Set(present.filter((share) => share.revision !== revision && share.percent > 0).map((share) => share.revision));
  const othersPercent = sumOf(present, (share) => others.has(share.revision));
  if (othersPercent === 0) return ofMinimum;
  const othersReady = [...others].reduce((sum, number) => sum + (ready.get(number) ?? 0), 0);
  // Counted up from the others' part alone: its own pods must not raise what is asked of it.
  const all = Math.ceil((othersReady * 100) / othersPercent);
  return Math.max(ofMinimum, Math.min(partOf(all, percent), mostPods(scaling)));
}

/** A part of some pods, rounded up; at least one. */
export function partOf(pods: number, percent: number): number {
  return Math.max(1, Math.ceil((pods * percent) / 100));
}

/** Whether so many pods of the warm pool bear the load that a function has, so that its own workload may stay at nothing. */
export function poolBears(scaling: ScalingSpec, claimedReady: number, load: FunctionLoadView | undefined): boolean {
  if (scaling.min > 0 || claimedReady < 1) return false;
  const metric = autoscaledMetric(scaling);
  if (metric === undefined) return claimedReady >= fixedPods(scaling);
  // Claimed pods have no CPU measured for them, and messages are for as many as there can be: their function's autoscaler takes over at once.
  if (metric === 'cpu' || metric === 'kafka-lag') return false;
  const borne = metric === 'requests' ? load?.perSecond ?? 0 : (load?.concurrency ?? 0) + (load?.waiting ?? 0);
  return borne <= claimedReady * targetOf(scaling, metric);
}

function sharesOf({ status }: FunctionResource): readonly TrafficShare[] {
  if (status?.traffic) return status.traffic;
  return status?.servingRevision === undefined ? [] : [{ revision: status.servingRevision, percent: 100 }];
}

function sumOf(shares: readonly TrafficShare[], counts: (share: TrafficShare) => boolean): number {
  return shares.reduce((sum, share) => (counts(share) ? sum + share.percent : sum), 0);
}
