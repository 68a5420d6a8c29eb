import type { FunctionResource } from '../../contract/function-resource.js';
import { ANNOTATION, LABEL } from '../../contract/names.js';
import {
  CLAIMED_AT, POOL_LABEL, POOL_RUNTIME_LABEL, type PoolRuntime, type PoolRuntimeSpec, type PoolRuntimeStatus, type WarmPoolResource,
} from '../../contract/pool-resource.js';
import type { Deployment, Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { demandChangesAt, wantedPods } from './demand.policy.js';
import { poolPodHash } from './manifests/pool-pod.js';

/** A pod that waits must be ready by then; one that cannot even be scheduled says so earlier. */
export const READY_WITHIN_MS = 60_000;
/** Starting for longer is worth a word. */
const SLOW_MS = 5_000;
/** A claim that has not come to an end by then has lost who made it. */
export const CLAIM_WITHIN_MS = 30_000;
/** So long a pod serves at least, before what else there is of its function makes it superfluous. */
const SETTLING_MS = 10_000;
/** Unused, a function's scale says nothing about a pod that was claimed so lately. */
const WAKING_MS = 60_000;
/** Most pods made or removed in one run: the rest follows at once, and pools take turns. */
const AT_ONCE = 10;

/** Why the API server did not take a pod. */
export interface Refusal {
  /** RFC 3339: since when, in these words. */
  at: string;
  message: string;
  /** For want of quota. */
  quota: boolean;
}

export interface ObservedPool {
  /** All pods that wait or came out of the pool. */
  pods: readonly Pod[];
  /** Of the tenant, by id. */
  functionOf(functionId: string): FunctionResource | undefined;
  /** Of one revision of a function. */
  deploymentOf(fn: FunctionResource, revision: number): Deployment | undefined;
  claimsOf(runtime: PoolRuntime): readonly number[];
  /** Why the API server refused the last pod, where it did. */
  refusalOf(runtime: PoolRuntime): Refusal | undefined;
}

export interface PoolPlan {
  creations: { entry: PoolRuntimeSpec; count: number }[];
  removals: { pod: Pod; why: string }[];
  runtimes: PoolRuntimeStatus[];
  /** When to look again though nothing changed. */
  againAfterMs: number | undefined;
}

/** What to make and remove so that the pool is as it should be. Pure. */
export function planPool(pool: WarmPoolResource, observed: ObservedPool, now: number): PoolPlan {
  const plan: PoolPlan = { creations: [], removals: [], runtimes: [], againAfterMs: undefined };
  const alive = observed.pods.filter((pod) => !pod.metadata.deletionTimestamp);
  for (const entry of pool.spec.runtimes) planRuntime(plan, entry, alive.filter((pod) => runtimeOf(pod) === entry.runtime), observed, now);
  for (const pod of alive) {
    const wanted = pool.spec.runtimes.some(({ runtime }) => runtime === runtimeOf(pod));
    if (stateOf(pod) === 'waiting' && !wanted) plan.removals.push({ pod, why: 'its runtime has no pool any more' });
    else if (stateOf(pod) !== 'waiting') planTaken(plan, pod, observed, now);
  }
  plan.removals.splice(AT_ONCE);
  return plan;
}

function planRuntime(plan: PoolPlan, entry: PoolRuntimeSpec, pods: readonly Pod[], observed: ObservedPool, now: number): void {
  const claims = observed.claimsOf(entry.runtime);
  const wanted = wantedPods(claims, entry, now);
  const waiting = pods.filter((pod) => stateOf(pod) === 'waiting');
  const bad = waiting.filter((pod) => faultOf(pod, entry, now) !== undefined);
  const good = waiting.filter((pod) => !bad.includes(pod)).sort(readyFirst);
  const problem = bad.map((pod) => faultOf(pod, entry, now)).find((fault) => fault !== STALE) ?? observed.refusalOf(entry.runtime)?.message ?? slowStart(good, now);
  for (const pod of bad) plan.removals.push({ pod, why: faultOf(pod, entry, now) ?? '' });
  for (const pod of good.slice(wanted)) plan.removals.push({ pod, why: 'more wait than are wanted' });
  if (good.length < wanted) plan.creations.push({ entry, count: Math.min(AT_ONCE, wanted - good.length) });
  plan.runtimes.push({
    runtime: entry.runtime, wanted, size: good.length, ready: good.filter(isClaimable).length,
    claimed: pods.filter((pod) => stateOf(pod) === 'serving').length, ...(problem === undefined ? {} : { message: problem.slice(0, 4_096) }),
  });
  lookAgain(plan, demandChangesAt(claims, now), now);
  for (const pod of good.filter((one) => !isClaimable(one))) {
    const age = now - createdAt(pod, now);
    lookAgain(plan, now - age + (age < SLOW_MS ? SLOW_MS : READY_WITHIN_MS), now);
  }
}

/** What came out of the pool: goes when its claim was lost, when it ended, or when it is wanted no more. */
function planTaken(plan: PoolPlan, pod: Pod, observed: ObservedPool, now: number): void {
  const claimedAt = Date.parse(pod.metadata.annotations?.[CLAIMED_AT] ?? '') || createdAt(pod, now);
  const age = now - claimedAt;
  if (stateOf(pod) === 'claimed') {
    if (age >= CLAIM_WITHIN_MS) plan.removals.push({ pod, why: 'its claim did not come to an end' });
    else lookAgain(plan, claimedAt + CLAIM_WITHIN_MS, now);
    return;
  }
  const why = superfluous(pod, claimedAt, observed, now);
  if (why) plan.removals.push({ pod, why });
  else if (age < WAKING_MS) lookAgain(plan, claimedAt + (age < SETTLING_MS ? SETTLING_MS : WAKING_MS), now);
}

function superfluous(pod: Pod, claimedAt: number, observed: ObservedPool, now: number): string | undefined {
  if (hasEnded(pod)) return 'it ended';
  const fn = observed.functionOf(pod.metadata.labels?.[LABEL.functionId] ?? '');
  // A Function that is gone takes its pods along.
  if (!fn) return undefined;
  const revision = Number(pod.metadata.labels?.[LABEL.revision]);
  if (!fn.spec.revisions.some(({ number }) => number === revision)) return 'its revision serves no more';
  if (fn.spec.suspension === 'compute') return 'its function is suspended';
  const { scale } = fn.status ?? {};
  if (scale?.active === false && (Date.parse(scale.since) > claimedAt || now - claimedAt >= WAKING_MS)) return 'its function is idle';
  const deployment = observed.deploymentOf(fn, revision);
  const ready = deployment?.status?.readyReplicas ?? 0;
  if (now - claimedAt >= SETTLING_MS && ready > 0 && ready >= (deployment?.spec?.replicas ?? 0)) return 'its function\'s own pods are ready';
  return undefined;
}

const STALE = 'it was made by another recipe';

/** Why a pod that waits is of no use, if it is not. */
function faultOf(pod: Pod, entry: PoolRuntimeSpec, now: number): string | undefined {
  if (pod.metadata.annotations?.[ANNOTATION.inputHash] !== poolPodHash(entry)) return STALE;
  if (hasEnded(pod)) return `A pod of the pool ended by itself: ${pod.status?.containerStatuses?.[0]?.state?.terminated?.message?.trim() || pod.status?.message || 'no reason is known'}.`;
  if (!isClaimable(pod) && now - createdAt(pod, now) >= READY_WITHIN_MS) return `A pod of the pool was not ready within ${READY_WITHIN_MS / 1_000} s: ${delayOf(pod) ?? 'it does not answer'}.`;
  return undefined;
}

/** What keeps pods from being ready, where they say so. */
function slowStart(pods: readonly Pod[], now: number): string | undefined {
  const delays = pods.filter((pod) => !isClaimable(pod) && now - createdAt(pod, now) >= SLOW_MS).map(delayOf);
  const delay = delays.find((text) => text !== undefined);
  return delay === undefined ? undefined : `A pod of the pool is not ready yet: ${delay}.`;
}

function delayOf(pod: Pod): string | undefined {
  const unscheduled = pod.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  const waiting = pod.status?.containerStatuses?.[0]?.state?.waiting;
  const text = unscheduled?.message ?? waiting?.message ?? waiting?.reason;
  return text?.trim().replace(/\.$/, '');
}

function lookAgain(plan: PoolPlan, at: number | undefined, now: number): void {
  if (at === undefined) return;
  plan.againAfterMs = Math.min(plan.againAfterMs ?? Number.POSITIVE_INFINITY, Math.max(250, at - now));
}

function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
}

export function isClaimable(pod: Pod): boolean {
  return stateOf(pod) === 'waiting' && !pod.metadata.deletionTimestamp && !hasEnded(pod) && pod.status?.podIP !== undefined
    && pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

export function stateOf(pod: Pod): string | undefined {
  return pod.metadata.labels?.[POOL_LABEL];
}

export function runtimeOf(pod: Pod): string | undefined {
  return pod.metadata.labels?.[POOL_RUNTIME_LABEL];
}

function createdAt(pod: Pod, now: number): number {
  return Date.parse(pod.metadata.creationTimestamp ?? '') || now;
}

/** Ready ones are kept before those that start, old ones before new ones. */
function readyFirst(a: Pod, b: Pod): number {
  const order = Number(isClaimable(b)) - Number(isClaimable(a));
  return order !== 0 ? order : (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') || a.metadata.name.localeCompare(b.metadata.name);
}
