import { rolloutOf, trafficOf, type FunctionResource, type RolloutStatus, type TrafficShare } from '../../contract/function-resource.js';
import type { RevisionScale, ScaleDecision } from '../scaling/scale.policy.js';
import { isUnderway, moveRollout, type Forward, type RevisionPods, type RolloutMove } from './rollout.policy.js';
import { demands, greatestShare, resolveTraffic, rolloutShare, shareOf, type HeldRule } from './traffic.policy.js';

export interface ReleaseInput {
  fn: FunctionResource;
  now: number;
  pods: RevisionPods;
  /** The revision that had most of the traffic; undefined while none ever had any. */
  before: number | undefined;
  /** Why the target's answers break a bound of the rollout's analysis. */
  verdict?: string | undefined;
  /** Another engine's way through the steps. */
  forward?: Forward | undefined;
  /** Pods for shares in percent of all requests. */
  scale: (shares: ReadonlyMap<number, number>) => ScaleDecision;
}

/** Who gets the requests, and what stands for that. */
export interface Release {
  /** Absent where no rule of the traffic follows the rollout. */
  rollout: RolloutStatus | undefined;
  /** Empty while nothing ever served. */
  traffic: TrafficShare[];
  /** The greatest share: the function's own address leads there. */
  serving: number | undefined;
  /** The traffic before. */
  before: readonly TrafficShare[];
  /** Rules that are not in force yet. */
  held: HeldRule[];
  /** Pods of every revision that shall have any. */
  scale: ScaleDecision;
  /** Percent of the rollout's share that the target shall be able to bear. */
  due: number;
  /** Revisions that need an address of their own beside the main one. */
  beside: number[];
  againAfterMs: number | undefined;
}

/** Rollout and rules together. Pure; a release that stands gives itself again. */
export function planRelease(input: ReleaseInput): Release {
  const { fn, pods, scale } = input;
  const rules = trafficOf(fn.spec);
  const share = rolloutShare(rules);
  const before = trafficBefore(input);
  const fixed = [...demands(rules)].filter(([revision]) => pods.able(revision));
  const withFixed = (shares: ReadonlyMap<number, number>): Map<number, number> => together(shares, fixed);
  const move = share === undefined ? undefined : moveRollout({ ...input, share, scale: (shares) => scale(withFixed(shares)) });
  const wanted = withFixed(move ? rolloutWants(move, share ?? 0) : new Map());
  const asked = scale(atLeast(wanted, before));
  const { traffic, held } = resolveTraffic({
    rules, rollout: move?.status, strategy: rolloutOf(fn.spec).strategy, before, ready: (revision) => pods.ready(revision),
    needed: (revision) => scaleOf(asked, revision)?.needed ?? 1,
  });
  const shares = atLeast(wanted, traffic);
  const decision = scale(shares);
  const serving = traffic.length === 0 ? undefined : greatestShare(traffic, input.before);
  return {
    rollout: move?.status, traffic, serving, before, scale: decision, due: move?.due ?? 0, beside: besideOf(fn, traffic, move?.status, serving),
    held: held.filter(({ granted, percent }) => decision.active || granted < percent),
    againAfterMs: soonest(move?.againAfterMs, decision.againAfterMs),
  };
}

export function scaleOf(decision: ScaleDecision, revision: number): RevisionScale | undefined {
  return decision.revisions.find(({ number }) => number === revision);
}

function trafficBefore({ fn, before }: ReleaseInput): readonly TrafficShare[] {
  const known = fn.status?.traffic;
  if (known && known.length > 0) return known;
  return before === undefined ? [] : [{ revision: before, percent: 100 }];
}

/**
 * The target for what it has or gets next. The stable one for all of it until the end, so that an abort needs no start.
 */
function rolloutWants({ status, due }: RolloutMove, share: number): Map<number, number> {
  const { revision, stable, phase, weight } = status;
  const wanted = new Map<number, number>();
  if (stable !== undefined && phase !== 'completed') wanted.set(stable, share);
  if (phase !== 'aborted' || weight > 0) wanted.set(revision, Math.max(wanted.get(revision) ?? 0, Math.ceil((share * Math.max(weight, due)) / 100)));
  return wanted;
}

function together(shares: ReadonlyMap<number, number>, more: readonly (readonly [number, number])[]): Map<number, number> {
  const sum = new Map(shares);
  for (const [revision, percent] of more) sum.set(revision, Math.min(100, (sum.get(revision) ?? 0) + percent));
  return sum;
}

/** Nobody gives up what it bears before another one has taken it. */
function atLeast(wanted: ReadonlyMap<number, number>, traffic: readonly TrafficShare[]): Map<number, number> {
  const shares = new Map(wanted);
  for (const { revision } of traffic) shares.set(revision, Math.max(shares.get(revision) ?? 0, shareOf(traffic, revision)));
  return shares;
}

/**
 * In a canary both sides have one: which of them is the main address changes on the way, and gateways must have found the other
 * one's pods by then. A blue-green target has its preview's.
 */
function besideOf(fn: FunctionResource, traffic: readonly TrafficShare[], rollout: RolloutStatus | undefined, serving: number | undefined): number[] {
  const beside = new Set(traffic.map(({ revision }) => revision).filter((revision) => revision !== serving));
  if (isUnderway(rollout) && rolloutOf(fn.spec).strategy === 'canary') for (const revision of [rollout.revision, rollout.stable]) beside.add(revision);
  return [...beside].sort((a, b) => a - b);
}

/** The shortest of the waits that are known, never below 50 ms. */
export function soonest(...waits: (number | undefined)[]): number | undefined {
  const known = waits.filter((ms) => ms !== undefined);
  return known.length > 0 ? Math.max(50, Math.min(...known)) : undefined;
}
