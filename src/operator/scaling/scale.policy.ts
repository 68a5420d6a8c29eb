import { DEFAULT_BURST, type FunctionResource } from '../../contract/function-resource.js';
import type { HorizontalPodAutoscaler } from '../../platform/kubernetes/kubernetes-object.js';
import { decideActivity } from './activity.policy.js';
import { planAutoscalers, type AutoscalerPlan } from './autoscaler.plan.js';
import { autoscaledMetric, mostPods, neededPods, partOf, poolBears } from './capacity.policy.js';
import type { FunctionLoadView, LagView } from './load-view.js';
import type { AutoscalerInput, ScaledWorkload } from './manifests/autoscaler.js';
import { reportScaling, type ScalingReport } from './scaling-report.policy.js';

/** What is known of a function when its pods are counted. */
export interface ScaleInput {
  now: number;
  /** Percent of all requests that each revision shall be able to bear, by number: present share or the next one, whichever is greater. Only these get pods. */
  shares: ReadonlyMap<number, number>;
  /** Ready pods of each revision now, whoever made them. */
  ready: ReadonlyMap<number, number>;
  /** `spec.replicas` of the Deployments that exist, by revision. Absent: not known. */
  replicas?: ReadonlyMap<number, number> | undefined;
  /** Autoscalers that exist: of the function, and strangers under its revisions' names. */
  autoscalers?: readonly HorizontalPodAutoscaler[] | undefined;
  /** Absent: nobody watches the load, and the function does not go to sleep. */
  load?: FunctionLoadView | undefined;
  /** Of a function that follows it. */
  lag?: LagView | undefined;
  /** Unix time in ms: when a gateway last asked this process for pods. */
  wokenAt?: number | undefined;
  /** Pods of the warm pool that answer for the function already. */
  claimedReady?: number | undefined;
  /** A pod of the warm pool is being taken for it. */
  claiming?: boolean | undefined;
  /** What autoscalers scale; absent: each revision's Deployment. */
  workload?: ScaledWorkload | undefined;
  /** See `ActivityInput`. */
  straightUntil?: number | undefined;
}

/** How many pods one revision shall have. */
export interface RevisionScale {
  number: number;
  /** Of its Deployment; undefined where an autoscaler says. */
  replicas: number | undefined;
  /** Pods that must be ready before it may take its share; at least 1. */
  needed: number;
}

export interface ScaleDecision {
  /** Whether pods run at all. */
  active: boolean;
  /** They shall go as soon as nobody is sent to them past the gateways. */
  stopping?: true;
  /** RFC 3339, of the last change of `active`. */
  since: string | undefined;
  revisions: readonly RevisionScale[];
  /** Autoscalers to write and to remove. */
  autoscalers: AutoscalerPlan;
  /** How the metric stands that the number of pods follows. */
  report: ScalingReport;
  /** When to look again. */
  againAfterMs: number | undefined;
}

interface RevisionDecision {
  scale: RevisionScale;
  autoscaler: AutoscalerInput | undefined;
}

/** Pods of each revision that shall have any. Pure. */
export function decideScale(fn: FunctionResource, input: ScaleInput): ScaleDecision {
  const { active, since, againAfterMs, stopping } = decideActivity(fn, input);
  const onPool = active && input.shares.size === 1 && (waitsForPool(input) || poolBears(fn.spec.scaling, input.claimedReady ?? 0, input.load));
  const decisions = [...input.shares].map(([number, percent]) => decideRevision(fn, input, number, percent, active && !onPool));
  const wanted = decisions.flatMap(({ autoscaler }) => autoscaler ?? []);
  return {
    active, ...(stopping ? { stopping } : {}), since, revisions: decisions.map(({ scale }) => scale), autoscalers: planAutoscalers(fn, wanted, input.autoscalers), report: reportScaling(fn, active, input),
    againAfterMs,
  };
}

/** Nothing is started beside a claim that is under way. What has begun to start goes on, or whoever asks while it starts would end it each time. */
function waitsForPool({ claiming, shares, replicas }: ScaleInput): boolean {
  return claiming === true && [...shares.keys()].every((number) => (replicas?.get(number) ?? 0) === 0);
}

function decideRevision(fn: FunctionResource, input: ScaleInput, number: number, percent: number, runs: boolean): RevisionDecision {
  const { scaling } = fn.spec;
  const needed = neededPods(fn, number, percent, input.ready);
  if (!runs) return { scale: { number, replicas: 0, needed }, autoscaler: undefined };
  const metric = autoscaledMetric(scaling);
  const max = Math.max(needed, partOf(mostPods(scaling), percent));
  // A share that one pod bears at most needs nobody to move the number.
  if (metric === undefined || max === needed) return { scale: { number, replicas: needed, needed }, autoscaler: undefined };
  // An autoscaler leaves what stands at nothing alone: the first pods are the operator's to start.
  const starts = input.replicas !== undefined && (input.replicas.get(number) ?? 0) === 0;
  const replicas = starts ? Math.min(scaling.burst ?? DEFAULT_BURST, needed) : undefined;
  const { workload } = input;
  return { scale: { number, replicas, needed }, autoscaler: { revision: number, metric, percent: workload ? 100 : percent, min: needed, max, ...(workload ? { workload } : {}) } };
}
