import { DEFAULT_IDLE_TIMEOUT_SECONDS, type FunctionResource } from '../../contract/function-resource.js';
import { ANNOTATION } from '../../contract/names.js';
import type { FunctionLoadView } from './load-view.js';

/** A new target is given so long to become ready before it may be stopped for want of requests. */
export const PROVE_WITHIN_MS = 10 * 60_000;
/** A pod that was asked for is given so long to be ready before its idle time begins, or one that starts slowly would be stopped before it was ever there. */
export const START_WITHIN_MS = 60_000;
/** Looked at again so often while nobody can say whether there are requests. */
const BLIND_MS = 15_000;
/** And so often while a route has yet to leave its pods. */
const LEAVE_MS = 1_000;

export interface ActivityInput {
  now: number;
  load?: FunctionLoadView | undefined;
  /** Unix time in ms: when a gateway last asked this process for pods. */
  wokenAt?: number | undefined;
  /** Unix time in ms until which requests may come to pods past every gateway, which could wake it: `Infinity` while a route leads there. */
  straightUntil?: number | undefined;
}

/** Whether a function's pods run at all. */
export interface Activity {
  active: boolean;
  /** RFC 3339, of the last change. */
  since: string;
  /** It shall stop once nobody is sent to its pods any more. */
  stopping?: true;
  againAfterMs: number | undefined;
}

/** 0..1: a function that keeps no pods runs while it proves a new target or has requests or messages, and stops after its idle timeout. Pure. */
export function decideActivity(fn: FunctionResource, input: ActivityInput): Activity {
  const { suspension, scaling } = fn.spec;
  if (suspension === 'compute') return settle(fn, false, input.now);
  if (scaling.min >= 1) return settle(fn, true, input.now);
  const scale = fn.status?.scale;
  if (!scale || isNewTarget(fn)) return { active: true, since: rfc3339(input.now), againAfterMs: undefined };
  return scale.active ? stayOrStop(fn, Date.parse(scale.since), input) : sleepOrWake(fn, Date.parse(scale.since), input);
}

function stayOrStop(fn: FunctionResource, since: number, { now, load, wokenAt = 0, straightUntil = 0 }: ActivityInput): Activity {
  // Nobody watches the load: idleness cannot be told.
  if (!load) return settle(fn, true, now);
  const idleMs = (fn.spec.scaling.idleTimeoutSeconds ?? DEFAULT_IDLE_TIMEOUT_SECONDS) * 1_000;
  const busy = load.waiting > 0 || load.concurrency > 0 || (load.lag ?? 0) > 0;
  const lastActive = busy ? now : Math.max(since, load.lastActiveAt, wokenAt, wakeAskedAt(fn));
  const until = Math.max(lastActive + idleMs, fn.status?.readyReplicas === 0 ? since + START_WITHIN_MS : 0, isProven(fn) ? 0 : since + PROVE_WITHIN_MS);
  if (now < until) return { ...settle(fn, true, now), againAfterMs: until - now };
  if (!load.complete) return { ...settle(fn, true, now), againAfterMs: BLIND_MS };
  if (now < straightUntil) return { ...settle(fn, true, now), stopping: true, againAfterMs: Math.min(straightUntil - now, LEAVE_MS) };
  return settle(fn, false, now);
}

function sleepOrWake(fn: FunctionResource, since: number, { now, load, wokenAt = 0 }: ActivityInput): Activity {
  const asked = Math.max(wokenAt, wakeAskedAt(fn)) > since || (load?.waiting ?? 0) > 0 || (load?.lag ?? 0) > 0;
  return settle(fn, asked, now);
}

/** `active`, and since when: kept while it does not change. */
function settle(fn: FunctionResource, active: boolean, now: number): Activity {
  const before = fn.status?.scale;
  return { active, since: before?.active === active ? before.since : rfc3339(now), againAfterMs: undefined };
}

/** A target that the status has not met yet. */
function isNewTarget(fn: FunctionResource): boolean {
  const unseen = fn.status?.observedPlatformGeneration !== fn.spec.platformGeneration;
  return unseen && !isProven(fn);
}

/** The target answered requests, or its rollout came to an end. */
function isProven({ spec, status }: FunctionResource): boolean {
  if (status?.servingRevision === spec.target) return true;
  const rollout = status?.rollout;
  const ofTarget = rollout?.revision === spec.target && rollout.attempt === (spec.rollout?.attempt ?? 0);
  return ofTarget && (rollout.phase === 'completed' || rollout.phase === 'aborted');
}

/** Unix time in ms of the wake annotation; 0 without one that can be read. */
function wakeAskedAt(fn: FunctionResource): number {
  const text = fn.metadata.annotations?.[ANNOTATION.wake];
  const at = Date.parse(text ?? '');
  if (Number.isNaN(at)) return 0;
  // Written in whole seconds it may mean any moment of that second: better woken once too often.
  return /:\d\d\.\d/.test(text ?? '') ? at : at + 999;
}

function rfc3339(at: number): string {
  return new Date(at).toISOString();
}
