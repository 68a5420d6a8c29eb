import { rolloutOf, type FunctionResource, type RevisionSpec } from '../../contract/function-resource.js';
import { ANNOTATION, revisionName } from '../../contract/names.js';
import { needsApply } from '../../platform/kubernetes/drift.js';
import type { Deployment, KubernetesObject, Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import { planRelease, scaleOf, soonest, type Release } from '../rollout/release.plan.js';
import { BLUE_GREEN_STAY_MS } from '../rollout/rollout.policy.js';
import { decideScale, type ScaleInput } from '../scaling/scale.policy.js';
import { buildDeployment, buildTemplate, FIXED_REPLICAS } from './manifests/deployment.js';
import { buildNetworkPolicy } from './manifests/network-policy.js';
import { buildRevisionService, buildService, selectedRevision, SWITCHED_AT } from './manifests/service.js';
import { isAged, isPresent, RevisionView, revisionOf, type ObservedFunction, type RevisionState } from './observed-function.js';

/** How long a revision that lost the traffic stays: longer than gateways and kube-proxies need to hear of it. */
export const DRAIN_MS = 5_000;

export interface PlannedApply {
  type: ResourceType;
  manifest: KubernetesObject;
  observed: KubernetesObject | undefined;
  /** Pods of a Deployment whose number passes from the operator to an autoscaler: they must not fall back to one. */
  handOver?: number;
}

export interface PlannedRemoval {
  type: ResourceType;
  namespace: string;
  name: string;
  uid: string;
}

/** A running pod that shall be ended at an age. */
export interface PlannedDeadline {
  namespace: string;
  name: string;
  seconds: number;
}

export interface FunctionPlan {
  applies: PlannedApply[];
  removals: PlannedRemoval[];
  deadlines: PlannedDeadline[];
  /** Who gets the requests once the plan is carried out. */
  release: Release;
  /** The revision that receives most requests; undefined while none ever was ready. */
  serving: number | undefined;
  /** State of the target, and of the serving revision where there is one. */
  target: RevisionState;
  servingState: RevisionState | undefined;
  /** Of every revision that shall have pods, the target too. */
  states: RevisionState[];
  /** Whether the target has all that it shall have, and every rule of the traffic holds. */
  settled: boolean;
  againAfterMs: number | undefined;
}

/** What is known beside the cluster's objects. */
export interface PlanContext {
  /** Why the target's answers break a bound of the rollout's analysis. */
  verdict?: string | undefined;
  /** What scaling knows of the function's load. */
  scaling?: Omit<ScaleInput, 'now' | 'shares' | 'ready' | 'claimedReady'>;
}

/** Desired minus observed. Pure: the same input gives the same plan; a plan carried out leaves an empty one. */
export function planFunction(fn: FunctionResource, observed: ObservedFunction, now: number, context: PlanContext = {}): FunctionPlan {
  const templates = new Map<number, ReturnType<typeof buildTemplate>>();
  const templateOf = (revision: RevisionSpec): ReturnType<typeof buildTemplate> => {
    const template = templates.get(revision.number) ?? buildTemplate(fn, revision);
    templates.set(revision.number, template);
    return template;
  };
  const listed = (number: number): RevisionSpec | undefined => fn.spec.revisions.find((revision) => revision.number === number);
  const view = new RevisionView(fn, observed, (number) => {
    const revision = listed(number);
    return revision && templateOf(revision).metadata?.annotations?.[ANNOTATION.inputHash];
  });
  const ready = view.readyByRevision();
  const release = planRelease({
    fn, now, pods: view, before: view.servedBefore(), verdict: context.verdict,
    scale: (shares) => decideScale(fn, { ...context.scaling, now, shares, ready, claimedReady: sumOf(shares.keys(), (number) => view.claimed(number)) }),
  });
  const stateOf = (number: number): RevisionState => revisionState(view, release, number);
  const selected = release.serving ?? fn.spec.target;
  const deployed = release.scale.revisions.map(({ number }) => number);
  const switchedAt = switchedTime(observed, release, selected, now);
  const manifests = release.scale.revisions.flatMap(({ number, replicas }) => {
    const revision = listed(number);
    return revision ? [buildDeployment(fn, revision, replicas, templateOf(revision))] : [];
  });
  const leftovers = planLeftovers(fn, view, observed, { keep: [...deployed, selected], release, switchedAt, now });
  const target = stateOf(fn.spec.target);
  return {
    applies: [
      ...manifests.map((manifest) => deploymentApply(manifest, observed)),
      planApply(observed, RESOURCE.service, buildService(fn, selected, switchedAt), observed.service),
      ...release.beside.map((number) => revisionServiceApply(fn, number, observed)),
      planApply(observed, RESOURCE.networkPolicy, buildNetworkPolicy(fn, admitsTenant(fn, [...deployed, selected])), observed.networkPolicy),
      ...release.scale.autoscalers.applies,
    ].filter((planned) => planned !== undefined && needsApply(planned.manifest, planned.observed)) as PlannedApply[],
    removals: [
      ...release.scale.autoscalers.removals,
      ...leftovers.removals,
      ...observed.strangers.filter(({ object }) => isPresent(object)).map(({ type, object }) => removalOf(type, object)),
      ...observed.pods.filter((pod) => isPresent(pod) && isAged(pod)).map((pod) => removalOf(RESOURCE.pod, pod)),
    ],
    deadlines: planDeadlines(fn, observed),
    release,
    serving: release.serving,
    target,
    servingState: release.serving === undefined ? undefined : stateOf(release.serving),
    states: deployed.map(stateOf),
    settled: isSettled(fn, release, target),
    againAfterMs: soonest(leftovers.againAfterMs, release.againAfterMs),
  };
}

/** At zero all stands that shall stand. A target that no rule sends anything to need not run. */
function isSettled(fn: FunctionResource, { rollout, held, scale }: Release, target: RevisionState): boolean {
  if (fn.spec.suspension === 'compute' || held.length > 0) return false;
  if (rollout && rollout.phase !== 'completed') return false;
  return !scale.active || scaleOf(scale, target.number) === undefined || target.currentReady >= target.needed;
}

function revisionState(view: RevisionView, { scale }: Release, number: number): RevisionState {
  const deployment = view.deployment(number);
  const planned = scaleOf(scale, number);
  const current = view.currentPods(number);
  return {
    number, deployment, current, currentReady: view.current(number), ready: view.ready(number), needed: planned?.needed ?? 1,
    wanted: planned === undefined ? 0 : Math.max(planned.replicas ?? deployment?.spec?.replicas ?? planned.needed, view.claimed(number)),
  };
}

/** The moment from which a revision without traffic is drained: anew whenever one loses it. */
function switchedTime(observed: ObservedFunction, { before, traffic }: Release, selected: number, now: number): string | undefined {
  const { service } = observed;
  const lost = before.some((share) => !traffic.some(({ revision }) => revision === share.revision));
  const moved = service !== undefined && (lost || selectedRevision(service) !== selected);
  return moved ? new Date(now).toISOString() : service?.metadata.annotations?.[SWITCHED_AT];
}

interface LeftoverInput {
  keep: readonly number[];
  release: Release;
  switchedAt: string | undefined;
  now: number;
}

/** What is neither wanted nor still draining. A workload without a ready pod goes at once: it holds quota. */
function planLeftovers(fn: FunctionResource, view: RevisionView, observed: ObservedFunction, { keep, release, switchedAt, now }: LeftoverInput): { removals: PlannedRemoval[]; againAfterMs: number | undefined } {
  const removals: PlannedRemoval[] = [];
  const waits: number[] = [];
  const leave = (type: ResourceType, object: KubernetesObject, wanted: readonly number[]): void => {
    const number = revisionOf(object);
    if (wanted.includes(number) || !isPresent(object)) return;
    const rest = switchedAt === undefined ? 0 : Date.parse(switchedAt) + stayMs(fn, release, number) - now;
    if (rest > 0 && view.ready(number) > 0) waits.push(Math.max(50, rest));
    else removals.push(removalOf(type, object));
  };
  for (const deployment of observed.deployments) leave(RESOURCE.deployment, deployment, keep);
  // One whose pods are all gone for a moment keeps its address: it will have its share again.
  const standing = release.scale.revisions.map((planned) => planned.number).filter((number) => number !== release.serving);
  for (const service of observed.revisionServices) leave(RESOURCE.service, service, [...release.beside, ...standing]);
  return { removals, againAfterMs: waits.length > 0 ? Math.min(...waits) : undefined };
}

function stayMs(fn: FunctionResource, { rollout }: Release, number: number): number {
  const switched = rolloutOf(fn.spec).strategy === 'blue-green' && rollout?.phase === 'completed' && rollout.stable === number;
  return switched ? BLUE_GREEN_STAY_MS : DRAIN_MS;
}

/** Templates refuse the field; on a pod it can be set once it stands, and never be raised. */
function planDeadlines(fn: FunctionResource, observed: ObservedFunction): PlannedDeadline[] {
  const seconds = fn.spec.scaling.maxLifetimeSeconds;
  if (seconds === undefined) return [];
  const open = (pod: Pod): boolean => isPresent(pod) && pod.status?.phase === 'Running' && (pod.spec?.activeDeadlineSeconds ?? Number.POSITIVE_INFINITY) > seconds;
  return observed.pods.filter(open).map(({ metadata }) => ({ namespace: metadata.namespace ?? '', name: metadata.name, seconds }));
}

/** Calls from pod to pod pass the gateway's counters by: allowed only where the pods count for themselves. */
function admitsTenant(fn: FunctionResource, deployed: readonly number[]): boolean {
  if (fn.spec.suspension !== 'none') return false;
  return deployed.every((number) => fn.spec.revisions.find((revision) => revision.number === number)?.metering === 'runtime');
}

/** Undefined while something else has to go first. */
export function deploymentApply(manifest: Deployment, observed: ObservedFunction): PlannedApply | undefined {
  const present = observed.deployments.find((other) => other.metadata.name === manifest.metadata.name);
  const planned = planApply(observed, RESOURCE.deployment, manifest, present);
  const handsOver = manifest.spec?.replicas === undefined && present?.metadata.annotations?.[FIXED_REPLICAS] !== undefined;
  return planned && handsOver ? { ...planned, handOver: present.spec?.replicas ?? 1 } : planned;
}

function revisionServiceApply(fn: FunctionResource, revision: number, observed: ObservedFunction): PlannedApply | undefined {
  const manifest = buildRevisionService(fn, revision);
  return planApply(observed, RESOURCE.service, manifest, observed.revisionServices.find((service) => service.metadata.name === manifest.metadata.name));
}

function planApply(observed: ObservedFunction, type: ResourceType, manifest: KubernetesObject, present: KubernetesObject | undefined): PlannedApply | undefined {
  // A stranger must be gone first, and so must what is being deleted. Its deletion brings us here again.
  if (observed.strangers.some((stranger) => stranger.type === type && stranger.object.metadata.name === manifest.metadata.name)) return undefined;
  return present && !isPresent(present) ? undefined : { type, manifest, observed: present };
}

export function specOf(fn: FunctionResource, number: number): RevisionSpec {
  const found = fn.spec.revisions.find((revision) => revision.number === number);
  if (!found) throw new TypeError(`${revisionName(fn.metadata.name, number)} is not among the revisions`); // The CRD forbids it.
  return found;
}

function removalOf(type: ResourceType, object: KubernetesObject): PlannedRemoval {
  return { type, namespace: object.metadata.namespace ?? '', name: object.metadata.name, uid: object.metadata.uid ?? '' };
}

function sumOf(numbers: Iterable<number>, count: (revision: number) => number): number {
  let sum = 0;
  for (const number of numbers) sum += count(number);
  return sum;
}
