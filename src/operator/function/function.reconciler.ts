import type { Logger } from 'pino';
import { rolloutOf, type FunctionResource } from '../../contract/function-resource.js';
import { ANNOTATION, API_GROUP, FIELD_MANAGER } from '../../contract/names.js';
import { partLogger } from '../../platform/observability/logger.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { isConflict, isNotFound, isRefused } from '../../platform/kubernetes/kubernetes-errors.js';
import { parseObjectKey, type Deployment, type KubernetesObject } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import type { Routes } from '../route/routes.js';
import type { Scaling } from '../scaling/scaling.js';
import type { WorkOutcome } from '../../platform/kubernetes/work-queue.js';
import { refusalOf } from './failure-text.js';
import { brokenBound } from '../rollout/analysis.policy.js';
import { isSteppedByArgo } from '../rollout/argo.policy.js';
import type { ArgoRollout } from '../rollout/manifests/argo-rollout.js';
import { analysedRelease } from '../rollout/analysed-release.js';
import type { ReleaseMetrics } from '../rollout/release-metrics.js';
import { SCRAPE_MS } from '../rollout/release-metrics.scraper.js';
import { rolloutEvents } from '../rollout/rollout.events.js';
import type { ChildApplier } from './child-applier.js';
import { buildStatus, statusPatch, type Failure } from './function-status.plan.js';
import type { FunctionCaches } from './function.caches.js';
import { transitionEvent, type FunctionEvents } from './function.events.js';
import { planFunction, type FunctionPlan, type PlannedDeadline } from './function.plan.js';
import type { PodEvidence } from './pod-evidence.js';
import { completeDiagnosis, diagnose, type DiagnosisResult } from './pod.diagnosis.js';
import type { PlannedApply, PlannedRemoval, PlannedSteering } from './workloads.plan.js';

export interface FunctionReconcilerOptions {
  client: KubernetesClient;
  caches: FunctionCaches;
  applier: ChildApplier;
  evidence: PodEvidence;
  events: FunctionEvents;
  metrics: ReleaseMetrics;
  scaling?: Pick<Scaling, 'signalsFor' | 'adopt'>;
  /** Absent: the cluster's way in is no business of the operator's. */
  routes?: Pick<Routes, 'signalsFor' | 'adopt'> | undefined;
  /** For tests. */
  now?: () => number;
}

/** Kubernetes' own retries of refused pods grow to a quarter of an hour; the operator reminds it so often. */
const RETRY_REFUSED_MS = 15_000;
/** What the operator itself leads elsewhere while a Function stands as it is. */
const SWITCHED: ReadonlySet<ResourceType> = new Set([RESOURCE.service, RESOURCE.httpRoute, RESOURCE.ingress]);
const RETRIED_AT = `${API_GROUP}/retried-at`;

/** Whether Argo Rollouts is there is asked again so often. */
const UNKNOWN_MS = 1_000;
const MISSING_MS = 3_000;
const ARGO_MISSING: Failure = {
  reason: 'RolloutEngineMissing',
  message: 'Releases on this cluster go by Argo Rollouts, and it is not installed there: no rollouts.argoproj.io. Install it, or set the cluster\'s rolloutEngine to operator.',
};

/** Looked at again at least so often while a revision is not ready. */
const WATCHFUL_MS = 30_000;
/** And a settled one, should an event ever have been missed. Costs no call. */
const RESYNC_MS = 10 * 60_000;

/**
 * One pass over one Function: observe (from caches), plan (pure), carry out, write the status. Level-triggered: it can be
 * run at any time and after any crash. A plan that is carried out leaves nothing to do, so a settled Function costs no call.
 */
export class FunctionReconciler {
  private readonly log: Logger = partLogger('operator');
  private readonly now: () => number;

  constructor(private readonly options: FunctionReconcilerOptions) {
    this.now = options.now ?? Date.now;
  }

  /** `key` is `namespace/name`. Throws when it should be tried again with a delay. */
  async reconcile(key: string): Promise<WorkOutcome> {
    const asked = this.options.caches.functions.get(key);
    // Being deleted: Kubernetes' garbage collection takes the children away.
    if (!asked || asked.metadata.deletionTimestamp !== undefined) return {};
    const presence = isSteppedByArgo(asked) ? await this.options.caches.argo.look() : 'present';
    if (presence === 'unknown') return { againAfterMs: UNKNOWN_MS };
    const fn = presence === 'missing' ? withoutArgo(asked) : asked;
    const plan = planFunction(fn, this.options.caches.observe(fn), this.now(), { verdict: this.verdict(fn), scaling: this.options.scaling?.signalsFor(fn), routes: this.options.routes?.signalsFor(fn) });
    const errors = await this.carryOut(fn, plan);
    if (errors.length > 0) {
      const refused = failureOf(errors);
      if (refused) await this.writeStatus(fn, notMoved(fn, plan), refused);
      throw errors[0];
    }
    const found = this.diagnose(fn, plan);
    const failure = presence === 'missing' ? ARGO_MISSING : await this.complete(fn, found);
    await this.writeStatus(asked, plan, failure);
    await this.retryRefused(fn, plan, failure);
    return { againAfterMs: presence === 'missing' ? MISSING_MS : this.againAfter(fn, plan, found, failure) };
  }

  private async carryOut(fn: FunctionResource, plan: FunctionPlan): Promise<unknown[]> {
    const steps = [
      ...plan.applies.map((planned) => this.apply(fn, planned)),
      ...plan.removals.map((planned) => this.remove(fn, planned)),
      ...plan.deadlines.map((planned) => this.limitLife(planned)),
      ...(plan.steering ? [this.steer(plan.steering)] : []),
    ];
    const results = await Promise.allSettled(steps);
    return results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  }

  private async apply(fn: FunctionResource, planned: PlannedApply): Promise<void> {
    const { type, manifest, observed } = planned;
    const { caches, events, applier } = this.options;
    const applied = await applier.apply(fn, planned);
    caches.adopt(type, applied);
    this.options.scaling?.adopt(type, applied);
    this.options.routes?.adopt(type, applied);
    this.log.debug({ function: fn.metadata.name, namespace: fn.metadata.namespace, kind: type.kind, name: manifest.metadata.name }, 'applied');
    // The same generation and content, and yet to be applied: somebody else changed or removed it.
    if (observed && hashOf(observed) !== hashOf(manifest)) return;
    if (fn.status?.observedGeneration !== fn.metadata.generation || !wasReady(fn) || SWITCHED.has(type)) return;
    events.record(fn, { type: 'Normal', reason: 'Repaired', message: `${type.kind} ${manifest.metadata.name} had been ${observed ? 'changed' : 'removed'} and was put right.` });
  }

  /** A pod that is gone by now needs no limit. */
  private async limitLife({ namespace, name, seconds }: PlannedDeadline): Promise<void> {
    const patch = { spec: { activeDeadlineSeconds: seconds } };
    await this.options.client.patch(RESOURCE.pod, { namespace, name }, patch, { fieldManager: FIELD_MANAGER.operator }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }

  /** As `kubectl argo rollouts` does it: by fields of the status. */
  private async steer({ namespace, name, status }: PlannedSteering): Promise<void> {
    const patched = await this.options.client.patchStatus<ArgoRollout>(RESOURCE.rollout, { namespace, name }, status, { fieldManager: FIELD_MANAGER.operator });
    this.options.caches.adopt(RESOURCE.rollout, patched);
    this.log.debug({ rollout: name, namespace, status }, 'told Argo Rollouts');
  }

  private async remove(fn: FunctionResource, { type, namespace, name, uid }: PlannedRemoval): Promise<void> {
    await this.options.client.delete(type, { namespace, name }, { uid }).catch((error: unknown) => {
      // Another object bears the name by now: not the one that was meant.
      if (!isConflict(error)) throw error;
    });
    this.log.debug({ function: fn.metadata.name, namespace, kind: type.kind, name }, 'removed');
  }

  /** Which bound of its analysis the target breaks. Figures are gathered only while a rollout that has one is under way. */
  private verdict(fn: FunctionResource): string | undefined {
    const { metrics } = this.options;
    const { functionId } = fn.spec;
    const followed = analysedRelease(fn);
    if (!followed) {
      metrics.unfollow(functionId);
      return undefined;
    }
    const { analysis, revision, stable } = followed;
    metrics.follow({
      functionId, namespace: fn.metadata.namespace, revisions: [revision, stable], attempt: `${revision}/${followed.attempt}`, windowSeconds: analysis.windowSeconds,
    });
    const figures = (number: number) => ({ revision: number, figures: metrics.window(functionId, number, analysis.windowSeconds, this.now()) });
    return brokenBound({ analysis, target: figures(revision), stable: figures(stable) });
  }

  /** The target first; then the revisions whose rules wait for them. */
  private diagnose(fn: FunctionResource, plan: FunctionPlan): DiagnosisResult {
    if (fn.spec.suspension === 'compute' || plan.settled) return { failure: undefined, againAfterMs: undefined };
    const waiting = new Set([fn.spec.target, ...plan.release.held.map(({ revision }) => revision)]);
    const waits: number[] = [];
    for (const state of plan.states.filter(({ number }) => waiting.has(number)).sort((a, b) => Number(b.number === fn.spec.target) - Number(a.number === fn.spec.target))) {
      const revision = fn.spec.revisions.find(({ number }) => number === state.number);
      if (!revision || state.currentReady >= state.needed) continue;
      const served = fn.status?.servingRevision === state.number;
      const found = diagnose({ revision, deployment: state.deployment, pods: state.current, served, now: this.now() });
      if (found.failure) return found;
      if (found.againAfterMs !== undefined) waits.push(found.againAfterMs);
    }
    return { failure: undefined, againAfterMs: waits.length > 0 ? Math.min(...waits) : undefined };
  }

  private async complete(fn: FunctionResource, { failure }: DiagnosisResult): Promise<Failure | undefined> {
    if (!failure) return undefined;
    const { evidence } = failure;
    // Only a container that still runs can say more later.
    const final = failure.reason !== 'NotReadyInTime';
    const text = evidence ? await this.options.evidence.fetch(fn.metadata.namespace, evidence, final) : undefined;
    return completeDiagnosis(failure, text);
  }

  private async writeStatus(fn: FunctionResource, plan: FunctionPlan, failure: Failure | undefined): Promise<void> {
    const { client, caches, events } = this.options;
    const status = buildStatus({ fn, plan, failure, now: this.now() });
    const patch = statusPatch(fn.status, status);
    if (!patch) return;
    try {
      const written = await client.patchStatus<FunctionResource>(RESOURCE.function, fn.metadata, patch, { fieldManager: FIELD_MANAGER.operator });
      caches.adopt(RESOURCE.function, written);
    } catch (error) {
      if (isNotFound(error)) return; // Deleted meanwhile.
      throw error;
    }
    const event = transitionEvent(fn.status, status);
    for (const happened of [...rolloutEvents(fn.status, status), ...(event ? [event] : [])]) events.record(fn, happened);
  }

  /**
   * The ReplicaSet controller takes refused pods up again at once when its object changes, and Deployments hand
   * their annotations down: so room that was made in a quota is used within seconds.
   */
  private async retryRefused(fn: FunctionResource, plan: FunctionPlan, failure: Failure | undefined): Promise<void> {
    const deployment: Deployment | undefined = plan.target.deployment;
    // Argo Rollouts has a rhythm of its own.
    if (!deployment || isSteppedByArgo(fn) || (failure?.reason !== 'QuotaRefused' && failure?.reason !== 'AdmissionRefused')) return;
    const last = Date.parse(deployment.metadata.annotations?.[RETRIED_AT] ?? deployment.metadata.creationTimestamp ?? '');
    if (this.now() - last < RETRY_REFUSED_MS - 500) return;
    const annotations = { [RETRIED_AT]: new Date(this.now()).toISOString() };
    const patched = await this.options.client.patch<Deployment>(RESOURCE.deployment, deployment.metadata, { metadata: { annotations } }, { fieldManager: FIELD_MANAGER.operator });
    this.options.caches.adopt(RESOURCE.deployment, patched);
    this.log.debug({ function: fn.metadata.name, namespace: fn.metadata.namespace }, 'refused pods are asked for again');
  }

  private againAfter(fn: FunctionResource, plan: FunctionPlan, found: DiagnosisResult, failure: Failure | undefined): number {
    const settled = plan.settled || fn.spec.suspension === 'compute';
    const refused = failure?.reason === 'QuotaRefused' || failure?.reason === 'AdmissionRefused';
    const waits = [
      plan.againAfterMs,
      found.againAfterMs,
      refused ? RETRY_REFUSED_MS : undefined,
      analysedRelease(fn, plan.release.rollout) ? SCRAPE_MS : undefined,
      settled ? RESYNC_MS * (0.8 + Math.random() * 0.4) : WATCHFUL_MS,
    ];
    return Math.min(...waits.filter((ms) => ms !== undefined));
  }
}

/** What an API server's refusal of a child tells the function's owner. Other errors are ours to retry, not his to read. */
function failureOf(errors: readonly unknown[]): Failure | undefined {
  const refused = errors.find(isRefused);
  return refused ? refusalOf(refused.message) : undefined;
}

/** The plan as far as it is certain after an error: the traffic may not have moved. */
function notMoved(fn: FunctionResource, plan: FunctionPlan): FunctionPlan {
  const { servingRevision: serving, rollout, traffic = serving === undefined ? [] : [{ revision: serving, percent: 100 }] } = fn.status ?? {};
  const release = { ...plan.release, traffic: [...traffic], rollout: rollout ?? plan.release.rollout };
  const servingState = plan.states.find(({ number }) => number === serving) ?? (plan.servingState?.number === serving ? plan.servingState : undefined);
  return { ...plan, serving, servingState, release, settled: plan.settled && serving === plan.serving };
}

function hashOf({ metadata }: KubernetesObject): string | undefined {
  return metadata.annotations?.[ANNOTATION.inputHash];
}

/** What serves is kept, by the operator's own means; nothing new begins. */
function withoutArgo({ spec, status, ...fn }: FunctionResource): FunctionResource {
  const serving = spec.revisions.some(({ number }) => number === status?.servingRevision) ? status?.servingRevision : undefined;
  const rollout = { strategy: 'all-at-once' as const, attempt: rolloutOf(spec).attempt };
  const kept = serving === undefined ? { suspension: 'compute' as const } : { target: serving };
  return { ...fn, spec: { ...spec, rollout, ...kept }, ...(status ? { status } : {}) };
}

function wasReady(fn: FunctionResource): boolean {
  return fn.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
}

/** The tenant of a key: its namespace. */
export function namespaceOf(key: string): string {
  return parseObjectKey(key).namespace ?? '';
}
