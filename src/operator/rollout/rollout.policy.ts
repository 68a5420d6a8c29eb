import { MOST_ROLLOUT_STEPS, rolloutOf, type FunctionResource, type RolloutSpec, type RolloutStatus, type RolloutStep } from '../../contract/function-resource.js';
import type { ScaleDecision } from '../scaling/scale.policy.js';

/** How long a revision that lost the traffic stays: longer than gateways and kube-proxies need to hear of it. */
export const DRAIN_MS = 5_000;
/** After a blue-green switch the revision before keeps its pods so long: going back needs no start. */
export const BLUE_GREEN_STAY_MS = 30_000;

/** Pods of each revision as they stand. */
export interface RevisionPods {
  /** Ready ones, of whatever configuration. */
  ready(revision: number): number;
  /** Ready ones of the present configuration. */
  current(revision: number): number;
  /** Whether the revision can have pods: it is listed, or its workload stands. */
  able(revision: number): boolean;
}

export interface RolloutInput {
  fn: FunctionResource;
  now: number;
  pods: RevisionPods;
  /** The revision that has most of the traffic, for where no rollout tells of one. */
  before: number | undefined;
  /** Percent of all requests that follow the rollout. */
  share: number;
  /** Pods for what target and stable revision shall be able to bear, in percent of all requests. */
  scale: (shares: ReadonlyMap<number, number>) => ScaleDecision;
  /** Why the target's answers break a bound, if they do. */
  verdict?: string | undefined;
  /** Another engine moves the target by its steps; absent: the operator does. */
  forward?: Forward | undefined;
}

/** Where a rollout stands that neither its owner holds nor idleness. `due`: the weight its step asks for. */
export type Forward = (input: RolloutInput, spec: RolloutSpec, status: Underway, due: number) => Step;

export interface RolloutMove {
  status: RolloutStatus;
  /** Percent of the rollout's share that the target shall be able to bear: what it has, or what it gets next. */
  due: number;
  againAfterMs: number | undefined;
}

/**
 * How far the target may go now: as many steps as are due and borne by ready pods. Pure, and led by the status alone, so that another
 * operator goes on where one stopped. The same input again moves nothing.
 */
export function moveRollout(input: RolloutInput): RolloutMove {
  let status = beginning(input);
  // Nothing is measured nor started while suspended.
  if (input.fn.spec.suspension === 'compute') return { status, due: status.weight, againAfterMs: undefined };
  for (let moves = 0; moves < MOST_ROLLOUT_STEPS + 4; moves += 1) {
    const move = step(input, status);
    if (move.status === undefined) return { status: move.stays, due: move.due, againAfterMs: move.againAfterMs };
    status = move.status;
  }
  throw new RangeError('a rollout has more steps than it can have');
}

/** Either a status from which to look further, or one to stay in. */
export type Step = { status: RolloutStatus } | { status?: undefined; stays: RolloutStatus; due: number; againAfterMs?: number | undefined };

/** What the status says of this target and attempt; else a rollout that begins, from the revision that was good before. */
function beginning(input: RolloutInput): RolloutStatus {
  const { fn, pods, before } = input;
  const { target } = fn.spec;
  const spec = rolloutOf(fn.spec);
  const known = fn.status?.rollout;
  if (known?.revision === target && known.attempt >= spec.attempt) {
    const lost = known.phase !== 'completed' && known.stable !== undefined && !pods.able(known.stable);
    return lost ? { ...without(known, 'stable', 'message'), phase: 'waiting' } : known;
  }
  const stable = goodBefore(known, pods, before);
  const status: RolloutStatus = { revision: target, attempt: spec.attempt, phase: 'waiting', step: 0, weight: 0 };
  if (stable === target) return completed(spec, status);
  return stable === undefined ? status : { ...status, stable };
}

/** In mid-rollout the revision that was stable stays it; a rollout that ended leaves the one that won. */
function goodBefore(known: RolloutStatus | undefined, pods: RevisionPods, before: number | undefined): number | undefined {
  const won = known?.phase === 'completed' || (known?.phase === 'aborted' && known.weight === 100);
  const candidates = [won ? known?.revision : known?.stable, before];
  return candidates.find((candidate) => candidate !== undefined && pods.able(candidate));
}

function step(input: RolloutInput, status: RolloutStatus): Step {
  const { fn, pods } = input;
  const spec = rolloutOf(fn.spec);
  if (status.phase === 'completed') return afterCompletion(input, spec, status);
  if (status.phase === 'aborted') return afterAbort(input, status);
  const { stable } = status;
  if (stable === undefined) {
    return pods.current(status.revision) > 0 ? { status: completed(spec, status) } : { stays: status, due: 100 };
  }
  const reason = spec.aborted ? `Ended by its owner: revision ${stable} has the requests.` : input.verdict;
  if (reason !== undefined) return { status: { ...status, phase: 'aborted', weight: 0, message: reason } };
  return forward(input, spec, { ...status, stable });
}

export type Underway = RolloutStatus & { stable: number };

function forward(input: RolloutInput, spec: RolloutSpec, status: Underway): Step {
  const held = spec.paused === true && spec.promoted !== true;
  const due = held ? status.weight : dueWeight(spec, status);
  const decision = capacityFor(input, status, due);
  if (!decision.active) {
    const message = `The function is idle: no pods run, so that revision ${status.revision} can be neither started nor measured. It goes on with the next request.`;
    return { stays: { ...status, phase: 'waiting', message }, due };
  }
  if (held) return { stays: { ...status, phase: 'paused', message: 'Held by its owner.' }, due };
  if (input.forward) return input.forward(input, spec, status, due);
  const borne = isBorne(input, decision, status.revision);
  if (spec.promoted === true || spec.strategy === 'all-at-once') return takeAll(input, spec, status, borne);
  return spec.strategy === 'blue-green' ? blueGreen(input, spec, status, borne) : canary(input, spec, status, decision, borne);
}

/** To a target with its capacity; or to one with less, when the revision before has nothing left. */
function takeAll(input: RolloutInput, spec: RolloutSpec, status: Underway, borne: boolean): Step {
  const { pods } = input;
  const nothingLeft = pods.ready(status.stable) === 0 && pods.current(status.revision) > 0;
  return borne || nothingLeft ? { status: completed(spec, status) } : waiting(status, 100);
}

function blueGreen(input: RolloutInput, spec: RolloutSpec, status: Underway, borne: boolean): Step {
  if (input.pods.current(status.revision) === 0) return waiting(without(status, 'stepStartedAt'), 100);
  if (!borne) return waiting(status, 100);
  if (status.stepStartedAt === undefined) return { status: { ...status, stepStartedAt: time(input.now) } };
  const rest = spec.autoPromoteSeconds === undefined ? undefined : Date.parse(status.stepStartedAt) + spec.autoPromoteSeconds * 1_000 - input.now;
  if (rest !== undefined && rest <= 0) return { status: completed(spec, status) };
  return { stays: { ...status, phase: 'paused', message: besideWords(spec, status) }, due: 100, againAfterMs: rest };
}

/** Why a blue-green target waits. */
export function besideWords({ autoPromoteSeconds }: RolloutSpec, { stable }: Underway): string {
  const until = autoPromoteSeconds === undefined ? 'until its owner promotes it' : `for ${autoPromoteSeconds} s, then it takes all requests`;
  return `Stands beside revision ${stable} ${until}.`;
}

/** Why a canary stands at the step it is at, which is a pause. */
export function pauseWords({ steps = [] }: RolloutSpec, step: number): string {
  const seconds = steps[step]?.pause?.seconds;
  return `Paused at step ${step + 1} of ${steps.length} ${seconds === undefined ? 'until its owner resumes it' : `for ${seconds} s`}.`;
}

function canary(input: RolloutInput, spec: RolloutSpec, status: Underway, decision: ScaleDecision, borne: boolean): Step {
  const steps = spec.steps ?? [];
  const present = steps[status.step];
  if (present === undefined) return borne ? { status: completed(spec, status) } : waiting(status, 100);
  const { setWeight } = present;
  if (setWeight !== undefined) {
    if (!borne && setWeight > status.weight) return waiting(status, setWeight);
    return { status: nextStep({ ...status, weight: setWeight }, input.now) };
  }
  return pause(input, spec, status, present, decision);
}

/** A pause lasts while requests come: a function that was idle meanwhile begins it anew. */
function pause(input: RolloutInput, spec: RolloutSpec, status: Underway, present: RolloutStep, { since }: ScaleDecision): Step {
  if ((spec.resumedStep ?? 0) > status.step) return { status: nextStep(status, input.now) };
  const seconds = present.pause?.seconds;
  const paused: RolloutStatus = { ...status, phase: 'paused', message: pauseWords(spec, status.step) };
  if (seconds === undefined) return { stays: paused, due: status.weight };
  if (status.stepStartedAt === undefined) return { status: { ...status, stepStartedAt: time(input.now) } };
  const began = Math.max(Date.parse(status.stepStartedAt), since === undefined ? 0 : Date.parse(since));
  const rest = began + seconds * 1_000 - input.now;
  if (rest <= 0) return { status: nextStep(status, input.now) };
  return { stays: paused, due: status.weight, againAfterMs: rest };
}

/** Its owner's word may come after the end: then the traffic goes back as soon as the revision before can bear it. */
function afterCompletion({ pods }: RolloutInput, spec: RolloutSpec, status: RolloutStatus): Step {
  const { stable } = status;
  if (!spec.aborted || stable === undefined || !pods.able(stable)) return { stays: status, due: 100 };
  return { status: { ...status, phase: 'aborted', message: `Taken back by its owner: revision ${stable} gets the requests.` } };
}

function afterAbort(input: RolloutInput, status: RolloutStatus): Step {
  const { stable, weight } = status;
  if (weight === 0 || stable === undefined) return { stays: status, due: weight };
  const decision = capacityFor(input, { ...status, stable }, weight);
  const nothingLeft = input.pods.ready(status.revision) === 0 && input.pods.ready(stable) > 0;
  if (!decision.active || nothingLeft || isBorne(input, decision, stable)) return { status: { ...status, weight: 0 } };
  return { stays: status, due: weight };
}

/** The weight that the step under way asks for. */
export function dueWeight(spec: RolloutSpec, { step: index, weight }: Pick<RolloutStatus, 'step' | 'weight'>): number {
  if (spec.promoted === true || spec.strategy !== 'canary') return 100;
  const present = (spec.steps ?? [])[index];
  if (present === undefined) return 100;
  return present.setWeight ?? weight;
}

function capacityFor({ scale, share }: RolloutInput, { revision, stable, weight }: Underway, due: number): ScaleDecision {
  return scale(new Map([[stable, share], [revision, Math.ceil((share * Math.max(weight, due)) / 100)]]));
}

function isBorne({ pods }: RolloutInput, decision: ScaleDecision, revision: number): boolean {
  const needed = decision.revisions.find(({ number }) => number === revision)?.needed ?? 1;
  return pods.current(revision) >= needed;
}

export function waiting(status: RolloutStatus, due: number): Step {
  return { stays: { ...without(status, 'message'), phase: 'waiting' }, due };
}

function nextStep(status: RolloutStatus, now: number): RolloutStatus {
  return { ...without(status, 'message'), phase: 'stepping', step: status.step + 1, stepStartedAt: time(now) };
}

export function completed(spec: RolloutSpec, status: RolloutStatus): RolloutStatus {
  return { ...without(status, 'message', 'stepStartedAt'), phase: 'completed', step: spec.strategy === 'canary' ? (spec.steps?.length ?? 0) : 0, weight: 100 };
}

export function without<K extends 'stable' | 'message' | 'stepStartedAt', T extends RolloutStatus>(status: T, ...keys: K[]): Omit<T, K> & RolloutStatus {
  const copy = { ...status };
  for (const key of keys) delete copy[key];
  return copy;
}

function time(now: number): string {
  return new Date(now).toISOString();
}

/** Whether a rollout is between its beginning and its end, with a revision to go back to. */
export function isUnderway(status: RolloutStatus | undefined): status is Underway {
  return status?.stable !== undefined && status.phase !== 'completed' && status.phase !== 'aborted';
}
