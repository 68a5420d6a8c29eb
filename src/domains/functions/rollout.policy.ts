import type { FunctionStatus, RolloutStatus, RolloutSpec, TrafficRule } from '../../contract/function-resource.js';
import type { EffectiveRollout, ReleaseStatus, RolloutState } from './function-body.js';
import { nothingBefore, rolloutAborted, rolloutNotAborted, rolloutNotPaused, rolloutNotUnderWay } from './functions.errors.js';

export const ROLLOUT_VERBS = ['promote', 'pause', 'resume', 'abort', 'retry'] as const;
export type RolloutVerb = (typeof ROLLOUT_VERBS)[number];

/** What of a function its releases are decided by. */
export interface Released {
  targetRevision: number;
  servingRevision: number | null;
  previousRevision: number | null;
  traffic: readonly TrafficRule[];
  rollout: EffectiveRollout;
  rolloutState: RolloutState;
  release: ReleaseStatus;
}

/** Each target starts anew; what was said of the one before counts no more. */
export function nextRollout(state: RolloutState, more: Partial<RolloutState> = {}): RolloutState {
  return { attempt: state.attempt + 1, ...more };
}

/** How the present target's rollout stands: as the cluster told, and until it told of this one, as it must be. */
export function rolloutNow(fn: Released): RolloutStatus {
  const { targetRevision: revision, servingRevision, rolloutState: { attempt }, release: { rollout: told } } = fn;
  if (told?.revision === revision && told.attempt === attempt) return told;
  if (servingRevision === revision) return { revision, attempt, phase: 'completed', step: fn.rollout.steps?.length ?? 0, weight: 100 };
  return { revision, attempt, phase: 'waiting', step: 0, weight: 0, ...(servingRevision === null ? {} : { stable: servingRevision }) };
}

/**
 * What a verb makes of the owner's words.
 * @returns undefined where they say so already
 * @throws {DomainError} ROLLOUT_NOT_UNDER_WAY, ROLLOUT_ABORTED, ROLLOUT_NOT_ABORTED, ROLLOUT_NOT_PAUSED, ROLLOUT_NOTHING_BEFORE
 */
export function applyVerb(verb: RolloutVerb, fn: Released): RolloutState | undefined {
  const state = fn.rolloutState;
  const now = rolloutNow(fn);
  const aborted = state.aborted === true || now.phase === 'aborted';
  if (verb === 'retry') {
    if (!aborted) throw rolloutNotAborted(now.revision);
    return nextRollout(state);
  }
  if (aborted) {
    if (verb === 'abort') return undefined;
    throw rolloutAborted(now.revision);
  }
  if (now.phase === 'completed') throw rolloutNotUnderWay(now.revision);
  return VERBS[verb](state, now);
}

const VERBS: Record<Exclude<RolloutVerb, 'retry'>, (state: RolloutState, now: RolloutStatus) => RolloutState | undefined> = {
  promote: (state) => (state.promoted && !state.paused ? undefined : { ...without(state, 'paused'), promoted: true }),
  pause: (state) => (state.paused ? undefined : { ...state, paused: true }),
  resume: (state, now) => {
    if (!state.paused && (now.phase !== 'paused' || now.step < (state.resumedStep ?? 0))) throw rolloutNotPaused(now.revision);
    return { ...without(state, 'paused'), resumedStep: Math.max(state.resumedStep ?? 0, now.step + 1) };
  },
  abort: (state, now) => {
    if (now.stable === undefined || now.stable === now.revision) throw nothingBefore(now.revision);
    return { attempt: state.attempt, aborted: true };
  },
};

function without(state: RolloutState, field: keyof RolloutState): RolloutState {
  const { [field]: _, ...rest } = state;
  return rest as RolloutState;
}

/** Where a rollback goes when nobody says: to what serves while the target does not yet, else to what served before it. */
export function rollbackGoal({ targetRevision, servingRevision, previousRevision, release }: Released): number | undefined {
  const stable = release.rollout?.revision === targetRevision && release.rollout.phase !== 'completed' ? release.rollout.stable : undefined;
  return [stable, servingRevision, previousRevision].find((number): number is number => typeof number === 'number' && number !== targetRevision);
}

/**
 * Whether target and stable revision may each have all of the function's pods for as long as its owner pleases: a canary keeps the stable ones until its end, so that an
 * abort needs no start; a blue-green target stands beside until it is promoted. All at once takes as long as the start of pods, which the headroom of the clusters' quotas bears.
 */
export function runsTwice(fn: Released): boolean {
  if (fn.rollout.strategy === 'all-at-once' || fn.rolloutState.immediate || fn.rolloutState.aborted || !followsTarget(fn.traffic)) return false;
  const { stable, revision, phase } = rolloutNow(fn);
  return stable !== undefined && stable !== revision && phase !== 'completed' && phase !== 'aborted';
}

/** Whether any of the requests follow the target. */
export function followsTarget(traffic: readonly TrafficRule[]): boolean {
  return traffic.length === 0 || traffic.some(({ revision }) => revision === undefined);
}

/** As the operator is told. */
export function rolloutSpec(rollout: EffectiveRollout, { immediate, ...said }: RolloutState): RolloutSpec {
  return immediate ? { strategy: 'all-at-once', ...said } : { ...rollout, ...said };
}

/**
 * Revisions that must be able to run beside the target: what the rules name, and what has requests until the target has them.
 * The first is the one to fall back to. Those that are only kept or pinned are not among them.
 */
export function revisionsBeside(fn: Pick<Released, 'targetRevision' | 'servingRevision' | 'traffic'>, status: Pick<FunctionStatus, 'servingRevision' | 'traffic' | 'rollout'>): number[] {
  const serving = status.servingRevision ?? fn.servingRevision ?? undefined;
  const stable = status.rollout && status.rollout.phase !== 'completed' ? status.rollout.stable : undefined;
  const sharing = (status.traffic ?? []).filter(({ percent }) => percent > 0).map(({ revision }) => revision);
  const named = fn.traffic.map(({ revision }) => revision);
  const all = [serving, stable, ...sharing, ...named].filter((number): number is number => number !== undefined && number !== fn.targetRevision);
  return [...new Set(all)];
}
