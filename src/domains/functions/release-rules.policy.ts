import { MOST_ROLLOUT_STEPS, MOST_TRAFFIC_RULES, PREVIEW_TAG, TRAFFIC_TAG, type RolloutStep, type ScalingMetric, type TrafficRule } from '../../contract/function-resource.js';
import type { FieldProblem } from '../../platform/errors/domain-error.js';
import type { PlacementRule } from '../clusters/placement-states.js';
import type { FunctionBody, RolloutBody, ScalingBody } from './function-body.js';
import type { BuildState } from './function-states.js';
import { kafkaProblems } from './kafka-rules.policy.js';

/** Most that one pod can be asked to bear. */
export const MOST_TARGET: Readonly<Record<ScalingMetric, number>> = { concurrency: 10_000, requests: 1_000_000, cpu: 100, 'kafka-lag': 1_000_000 };

/** Everything about scaling, traffic and rollout that can be judged without looking anything up. */
export function releaseProblems({ scaling = {}, traffic = [], rollout = {}, placement = {}, concurrency }: FunctionBody): FieldProblem[] {
  return [...scalingProblems(scaling, concurrency ?? 0), ...spreadProblems(placement, scaling), ...trafficProblems(traffic), ...rolloutProblems(rollout, scaling.min ?? 1)];
}

function problem(pointer: string, message: string): FieldProblem {
  return { pointer, message };
}

function scalingProblems({ min, max, metric, target, kafka }: ScalingBody, concurrency: number): FieldProblem[] {
  const found: FieldProblem[] = [];
  if (min !== undefined && max !== undefined && min > max) found.push(problem('/scaling/min', 'must not be larger than scaling.max'));
  if (metric === 'kafka-lag' && kafka === undefined) found.push(problem('/scaling/kafka', 'must be given for the metric kafka-lag: it says which messages count'));
  else if (metric !== 'kafka-lag' && kafka !== undefined) found.push(problem('/scaling/kafka', 'belongs to the metric kafka-lag only'));
  else if (kafka !== undefined) found.push(...kafkaProblems(kafka, '/scaling/kafka'));
  if (target === undefined) return found;
  if (metric === undefined) return [...found, problem('/scaling/metric', 'must be given with scaling.target, which is counted in its units')];
  if (target < 1 || target > MOST_TARGET[metric]) found.push(problem('/scaling/target', `must be from 1 to ${MOST_TARGET[metric]} for the metric ${metric}`));
  else if (metric === 'concurrency' && concurrency > 0 && target > concurrency) found.push(problem('/scaling/target', `must not be larger than concurrency (${concurrency}): no pod ever bears more at once`));
  return found;
}

/** Pods are shared out over the clusters, and each of them needs one. */
function spreadProblems({ clusters = 1 }: PlacementRule, { max }: ScalingBody): FieldProblem[] {
  return max !== undefined && clusters > max ? [problem('/placement/clusters', `must not be larger than scaling.max (${max}): each cluster needs a pod of its own`)] : [];
}

function trafficProblems(traffic: readonly TrafficRule[]): FieldProblem[] {
  if (traffic.length === 0) return [];
  if (traffic.length > MOST_TRAFFIC_RULES) return [problem('/traffic', `must have at most ${MOST_TRAFFIC_RULES} rules`)];
  const found = traffic.flatMap((rule, index) => ruleProblems(rule, traffic.slice(0, index)).map(({ pointer, message }) => problem(`/traffic/${index}${pointer}`, message)));
  const sum = traffic.reduce((total, { percent }) => total + percent, 0);
  return sum === 100 ? found : [...found, problem('/traffic', `must have percentages that sum to 100; these sum to ${sum}`)];
}

function ruleProblems({ revision, percent, tag }: TrafficRule, earlier: readonly TrafficRule[]): FieldProblem[] {
  const found: FieldProblem[] = [];
  if (revision === undefined && earlier.some((rule) => rule.revision === undefined)) found.push(problem('/revision', 'must be given: one rule at most can follow the rollout'));
  if (percent < 0 || percent > 100) found.push(problem('/percent', 'must be from 0 to 100'));
  if (tag === undefined) return percent === 0 ? [...found, problem('/percent', 'must be more than 0 where there is no tag: nothing would reach the revision')] : found;
  if (!TRAFFIC_TAG.test(tag)) found.push(problem('/tag', 'must be 1 to 20 lower-case letters, digits and hyphens, start with a letter, not end with a hyphen and have no three hyphens in a row'));
  else if (tag === PREVIEW_TAG) found.push(problem('/tag', `must not be ${PREVIEW_TAG}, which is the address of a blue-green target`));
  else if (earlier.some((rule) => rule.tag === tag)) found.push(problem('/tag', 'is used by another rule already'));
  return found;
}

function rolloutProblems({ strategy = 'all-at-once', steps, autoPromoteSeconds, analysis }: RolloutBody, min: number): FieldProblem[] {
  const found: FieldProblem[] = [];
  if (strategy === 'canary' && min === 0) found.push(problem('/rollout/strategy', 'cannot be canary where scaling.min is 0: it needs a pod to measure'));
  if (steps !== undefined && strategy !== 'canary') found.push(problem('/rollout/steps', 'belong to the strategy canary only'));
  else if ((steps?.length ?? 0) > MOST_ROLLOUT_STEPS) found.push(problem('/rollout/steps', `must be at most ${MOST_ROLLOUT_STEPS}`));
  else found.push(...(steps ?? []).flatMap((step, index) => stepProblems(step, `/rollout/steps/${index}`)));
  if (autoPromoteSeconds !== undefined && strategy !== 'blue-green') found.push(problem('/rollout/autoPromoteSeconds', 'belongs to the strategy blue-green only'));
  if (analysis === undefined) return found;
  if (strategy === 'all-at-once') found.push(problem('/rollout/analysis', 'needs the strategy canary or blue-green: all at once leaves nothing to go back from'));
  if (analysis.maxErrorPercent === undefined && analysis.maxLatencyMs === undefined) found.push(problem('/rollout/analysis', 'must have maxErrorPercent, maxLatencyMs or both'));
  return found;
}

function stepProblems({ setWeight, pause }: RolloutStep, pointer: string): FieldProblem[] {
  if ((setWeight === undefined) === (pause === undefined)) return [problem(pointer, 'must have either setWeight or pause')];
  return [];
}

/** A revision that is kept, as far as traffic is concerned. */
export interface KnownRevision {
  number: number;
  buildState: BuildState;
}

/**
 * Rules that name revisions which are not there, or can never run.
 * @param known at least those of the named revisions that are kept
 */
export function namedRevisionProblems(traffic: readonly TrafficRule[], known: readonly KnownRevision[]): FieldProblem[] {
  return traffic.flatMap(({ revision }, index) => {
    if (revision === undefined) return [];
    const found = known.find(({ number }) => number === revision);
    if (!found) return [problem(`/traffic/${index}/revision`, `is no revision of this function, or one that is no longer kept: ${revision}`)];
    return found.buildState === 'failed' ? [problem(`/traffic/${index}/revision`, `could not be built: revision ${revision} has no image to run`)] : [];
  });
}
