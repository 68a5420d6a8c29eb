import { rolloutOf, type FunctionResource, type RevisionSpec } from '../../contract/function-resource.js';
import { ANNOTATION, revisionName } from '../../contract/names.js';
import { needsApply } from '../../platform/kubernetes/drift.js';
import type { KubernetesObject, Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import { planRoutes, ROUTE_SETTLE_MS, straightUntil, type RoutePlan } from '../route/route.plan.js';
import { anyMayGoDirect } from '../route/route.policy.js';
import type { RouteSignals } from '../route/routes.js';
import { forwardByArgo, isSteppedByArgo } from '../rollout/argo.policy.js';
import { planRelease, scaleOf, soonest, type Release } from '../rollout/release.plan.js';
import { BLUE_GREEN_STAY_MS, DRAIN_MS } from '../rollout/rollout.policy.js';
import type { ScaledWorkload } from '../scaling/manifests/autoscaler.js';
import { decideScale, type ScaleDecision, type ScaleInput } from '../scaling/scale.policy.js';
import { buildTemplate } from './manifests/deployment.js';
import { buildNetworkPolicy } from './manifests/network-policy.js';
import { buildRevisionService, buildService, selectedRevision, SWITCHED_AT } from './manifests/service.js';
import { isAged, isPresent, RevisionView, revisionOf, type ObservedFunction, type RevisionState } from './observed-function.js';
import { planApply, planWorkloads, removalOf, type PlannedApply, type PlannedRemoval, type PlannedSteering } from './workloads.plan.js';

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
  /** What Argo Rollouts is told beside. */
  steering: PlannedSteering | undefined;
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
  scaling?: Omit<ScaleInput, 'now' | 'shares' | 'ready' | 'claimedReady' | 'straightUntil'>;
  /** Absent: the cluster's way in is no business of the operator's. */
  routes?: RouteSignals | undefined;
}

const NO_ROUTES: RoutePlan = { applies: [], removals: [] };

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
  const { routes: wayIn } = context;
  const byArgo = isSteppedByArgo(fn);
  const scale = (shares: ReadonlyMap<number, number>, more: Partial<ScaleInput> = {}, of = fn): ScaleDecision => decideScale(of, {
    ...context.scaling, now, shares, ready, straightUntil: wayIn && straightUntil(wayIn.observed), claimedReady: sumOf(shares.keys(), (number) => view.claimed(number)), ...more,
  });
  const release = planRelease({
    fn, now, pods: view, before: view.servedBefore(), verdict: context.verdict, forward: byArgo ? forwardByArgo(view) : undefined, scale: (shares) => scale(shares),
  });
  const stateOf = (number: number): RevisionState => revisionState(view, release, number);
  const selected = release.serving ?? fn.spec.target;
  const deployed = release.scale.revisions.map(({ number }) => number);
  const switchedAt = switchedTime(observed, release, selected, now);
  const workloads = planWorkloads({
    fn, observed, view, release, templateOf, byArgo, scaleAll: (number, workload) => scale(new Map([[number, 100]]), wholeScale(view, release, number, workload), withAll(fn, number)),
  });
  const leftovers = planLeftovers(fn, view, observed, { keep: byArgo ? workloads.keep : [...workloads.keep, selected], release, switchedAt, now });
  const target = stateOf(fn.spec.target);
  const routes = wayIn ? planRoutes({ ...wayIn, fn, release, now, ready: (number) => view.ready(number) }) : NO_ROUTES;
  const { leaving, peers } = comingIn(fn, wayIn, now);
  return {
    applies: [
      ...workloads.applies,
      planApply(observed, RESOURCE.service, buildService(fn, selected, switchedAt), observed.service),
      ...release.beside.map((number) => revisionServiceApply(fn, number, observed)),
      planApply(observed, RESOURCE.networkPolicy, buildNetworkPolicy(fn, admitsTenant(fn, [...deployed, selected]), peers), observed.networkPolicy),
      ...workloads.autoscalers.applies,
      ...routes.applies,
    ].filter((planned) => planned !== undefined && needsApply(planned.manifest, planned.observed)) as PlannedApply[],
    removals: [
      ...workloads.autoscalers.removals,
      ...workloads.removals,
      ...routes.removals,
      ...leftovers.removals,
      ...observed.strangers.filter(({ object }) => isPresent(object)).map(({ type, object }) => removalOf(type, object)),
      ...observed.pods.filter((pod) => isPresent(pod) && isAged(pod)).map((pod) => removalOf(RESOURCE.pod, pod)),
    ],
    deadlines: planDeadlines(fn, observed),
    steering: workloads.steering,
    release,
    serving: release.serving,
    target,
    servingState: release.serving === undefined ? undefined : stateOf(release.serving),
    states: deployed.map(stateOf),
    settled: isSettled(fn, release, target),
    againAfterMs: soonest(leftovers.againAfterMs, release.againAfterMs, leaving ? ROUTE_SETTLE_MS : undefined),
  };
}

/** Who may reach the pods by the cluster's own way in: also while that may still lead there, until it has taken the change over. */
function comingIn(fn: FunctionResource, wayIn: RouteSignals | undefined, now: number): { leaving: boolean; peers: RouteSignals['settings']['peers'] } {
  if (wayIn === undefined) return { leaving: false, peers: [] };
  const straight = anyMayGoDirect(fn, wayIn.settings.kind);
  const leaving = !straight && straightUntil(wayIn.observed) > now;
  return { leaving, peers: straight || leaving ? wayIn.settings.peers : [] };
}

/** At zero all stands that shall stand. A target that no rule sends anything to need not run. */
function isSettled(fn: FunctionResource, { rollout, held, scale }: Release, target: RevisionState): boolean {
  if (fn.spec.suspension === 'compute' || held.length > 0) return false;
  if (rollout && rollout.phase !== 'completed') return false;
  return !scale.active || scaleOf(scale, target.number) === undefined || target.currentReady >= target.needed;
}

function revisionState(view: RevisionView, { scale }: Release, number: number): RevisionState {
  const deployment = view.workload(number);
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

function revisionServiceApply(fn: FunctionResource, revision: number, observed: ObservedFunction): PlannedApply | undefined {
  const manifest = buildRevisionService(fn, revision);
  return planApply(observed, RESOURCE.service, manifest, observed.revisionServices.find((service) => service.metadata.name === manifest.metadata.name));
}

export function specOf(fn: FunctionResource, number: number): RevisionSpec {
  const found = fn.spec.revisions.find((revision) => revision.number === number);
  if (!found) throw new TypeError(`${revisionName(fn.metadata.name, number)} is not among the revisions`); // The CRD forbids it.
  return found;
}

/** Of the one workload: pods of the pool bear its load only where nothing else has a share. */
function wholeScale(view: RevisionView, { scale }: Release, number: number, workload: ScaledWorkload): Partial<ScaleInput> {
  const replicas = new Map([[number, view.rollout?.spec.replicas ?? 0]]);
  return scale.revisions.length > 1 ? { workload, replicas, claiming: false, claimedReady: 0 } : { workload, replicas };
}

/** As if the revision had all requests already: none have to be taken over. */
function withAll(fn: FunctionResource, revision: number): FunctionResource {
  return { ...fn, status: { ...fn.status, traffic: [{ revision, percent: 100 }] } };
}

function sumOf(numbers: Iterable<number>, count: (revision: number) => number): number {
  let sum = 0;
  for (const number of numbers) sum += count(number);
  return sum;
}
