import type { Condition, ConditionReason, ConditionType, FunctionResource, FunctionStatus } from '../../contract/function-resource.js';
import { findCondition } from '../../platform/kubernetes/conditions.js';
import { canonicalJson } from '../../platform/kubernetes/drift.js';
import type { ReleaseStatus, RolloutState } from './function-body.js';
import { withoutAbsent } from './function-parts.policy.js';
import type { FunctionEntity } from './store/function.entity.js';
import type { RevisionEntity } from './store/revision.entity.js';

/** Reasons after which nothing gets better by waiting: they end the operation. */
export const TERMINAL: ReadonlySet<ConditionReason> = new Set<ConditionReason>([
  'BuildFailed', 'StartupFailed', 'CrashLooping', 'ImagePullFailed', 'ConfigurationMissing', 'CertificateInvalid', 'QuotaRefused', 'OutOfMemory', 'NotReadyInTime', 'AdmissionRefused',
  'RolloutAborted',
]);

export interface StatusDecision {
  /** Columns that differ; absent when all is known already. */
  change?: Pick<FunctionEntity, 'servingRevision' | 'previousRevision' | 'replicas' | 'readyReplicas' | 'observedGeneration' | 'release' | 'conditions'>;
  /** What the operation of `generation` came to. */
  outcome?: { generation: number; state: 'succeeded' } | { generation: number; state: 'failed'; reason: string; message: string };
}

/**
 * What a cluster's status means for the row. A status older than one that was seen changes nothing. `Ready` and
 * `Reconciling` are taken only where the cluster speaks of the generation and revision that are asked for now: until
 * then the row's own words (accepted, building, build failed) are the truth; `Serving` and the counts always are.
 */
export function decideStatus(fn: FunctionEntity, target: Pick<RevisionEntity, 'number' | 'buildState'>, resource: FunctionResource): StatusDecision {
  const { status, spec } = resource;
  const observed = status?.observedPlatformGeneration;
  if (!status || observed === undefined || observed < fn.observedGeneration || fn.state !== 'active') return {};
  const speaksOfTarget = observed === fn.generation && spec.target === target.number && target.buildState === 'built';
  const taken: readonly ConditionType[] = speaksOfTarget ? ['Ready', 'Reconciling', 'Serving', 'ScalingActive'] : ['Serving', 'ScalingActive'];
  const next = {
    servingRevision: status.servingRevision ?? null,
    previousRevision: previousOf(fn, status.servingRevision),
    release: releaseOf(status),
    replicas: status.replicas ?? 0,
    readyReplicas: status.readyReplicas ?? 0,
    observedGeneration: Math.min(observed, fn.generation),
    conditions: takeConditions(fn.conditions, status.conditions ?? [], taken),
  };
  const before: typeof next = {
    servingRevision: fn.servingRevision, previousRevision: fn.previousRevision, release: fn.release, replicas: fn.replicas, readyReplicas: fn.readyReplicas, observedGeneration: fn.observedGeneration, conditions: fn.conditions,
  };
  if (canonicalJson(before) === canonicalJson(next)) return {};
  return { change: next, outcome: speaksOfTarget ? outcomeOf(next.conditions, fn) : undefined };
}

function takeConditions(before: readonly Condition[], offered: readonly Condition[], taken: readonly ConditionType[]): Condition[] {
  // Where the number of pods follows nothing any more, there is nothing to say of it.
  const standing = before.filter(({ type }) => type !== 'ScalingActive' || findCondition(offered, type));
  const kept = standing.map((condition) => (taken.includes(condition.type) ? slim(findCondition(offered, condition.type) ?? condition) : condition));
  const added = offered.filter((condition) => taken.includes(condition.type) && !findCondition(before, condition.type));
  return [...kept, ...added.map(slim)];
}

/** `observedGeneration` of the cluster's object means nothing to the function's owner. */
function slim({ type, status, reason, message, lastTransitionTime }: Condition): Condition {
  return { type, status, reason, message: storable(message), lastTransitionTime };
}

/** Another revision took the place of the one that served. */
function previousOf(fn: FunctionEntity, serving: number | undefined): number | null {
  return serving !== undefined && fn.servingRevision !== null && serving !== fn.servingRevision ? fn.servingRevision : fn.previousRevision;
}

function releaseOf({ traffic, revisions, rollout, scale }: FunctionStatus): ReleaseStatus {
  const message = rollout?.message;
  return withoutAbsent({ traffic, revisions, rollout: rollout && { ...rollout, ...(message === undefined ? {} : { message: storable(message) }) }, scale });
}

/** A log's last lines may hold what Postgres does not keep. */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

/** A pause or an abort that the owner asked for has come about. */
function isAsked(reason: ConditionReason, { paused, aborted }: RolloutState): boolean {
  return (reason === 'RolloutPaused' && paused === true) || (reason === 'RolloutAborted' && aborted === true);
}

function outcomeOf(conditions: readonly Condition[], { generation, rolloutState }: FunctionEntity): StatusDecision['outcome'] {
  const ready = findCondition(conditions, 'Ready');
  // A function that sleeps until it is called is as it shall be.
  const reached = ready?.status === 'True' || ready?.reason === 'Idle' || (ready !== undefined && isAsked(ready.reason, rolloutState));
  if (reached) return { generation, state: 'succeeded' };
  if (ready?.status === 'False' && TERMINAL.has(ready.reason)) return { generation, state: 'failed', reason: ready.reason, message: ready.message };
  return undefined;
}

/** The tenant's suspension as a function's pods and routes follow it; frozen writes change nothing for them. */
export function functionSuspension(tenantSuspension: string): 'none' | 'ingress' | 'compute' {
  return tenantSuspension === 'ingress' || tenantSuspension === 'compute' ? tenantSuspension : 'none';
}
