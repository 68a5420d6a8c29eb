import { rolloutOf, type FunctionResource, type RevisionSpec } from '../../contract/function-resource.js';
import { serviceName } from '../../contract/names.js';
import type { Deployment, KubernetesObject } from '../../platform/kubernetes/kubernetes-object.js';
import { apiVersionOf, RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import { isPromotable, isSettledByArgo, steerArgo } from '../rollout/argo.policy.js';
import { argoRevision, buildArgoRollout, type ArgoStatus } from '../rollout/manifests/argo-rollout.js';
import type { Release } from '../rollout/release.plan.js';
import { isUnderway } from '../rollout/rollout.policy.js';
import type { AutoscalerPlan } from '../scaling/autoscaler.plan.js';
import type { ScaledWorkload } from '../scaling/manifests/autoscaler.js';
import type { ScaleDecision } from '../scaling/scale.policy.js';
import { buildDeployment, FIXED_REPLICAS, type buildTemplate } from './manifests/deployment.js';
import { isPresent, revisionOf, type ObservedFunction, type RevisionView } from './observed-function.js';

export interface PlannedApply {
  type: ResourceType;
  manifest: KubernetesObject;
  observed: KubernetesObject | undefined;
  /** Pods of a workload whose number passes from the operator to an autoscaler: they must not fall back to one. */
  handOver?: number;
}

export interface PlannedRemoval {
  type: ResourceType;
  namespace: string;
  name: string;
  uid: string;
}

/** What is said to Argo Rollouts beside the Rollout's spec. */
export interface PlannedSteering {
  namespace: string;
  name: string;
  status: Partial<ArgoStatus>;
}

export interface WorkloadsInput {
  fn: FunctionResource;
  observed: ObservedFunction;
  view: RevisionView;
  release: Release;
  templateOf: (revision: RevisionSpec) => ReturnType<typeof buildTemplate>;
  /** Pods of one workload that bears all requests of the function as this revision. */
  scaleAll: (revision: number, workload: ScaledWorkload) => ScaleDecision;
  /** Argo Rollouts steps it. */
  byArgo: boolean;
}

/** What runs the pods. Whatever ran them before stays until as many of the new ones are ready. */
export interface Workloads {
  applies: (PlannedApply | undefined)[];
  removals: PlannedRemoval[];
  autoscalers: AutoscalerPlan;
  /** Revisions whose Deployments stay. */
  keep: number[];
  steering: PlannedSteering | undefined;
}

/** Pure. */
export function planWorkloads(input: WorkloadsInput): Workloads {
  return input.byArgo ? planRollout(input) : planDeployments(input);
}

/** A Deployment for each revision that shall have pods. */
function planDeployments({ fn, observed, view, release, templateOf }: WorkloadsInput): Workloads {
  const { scale, traffic } = release;
  const { rollout } = view;
  const applies = scale.revisions.flatMap(({ number, replicas, needed }) => {
    const revision = listed(fn, number);
    const pods = rollout && replicas !== 0 ? Math.max(replicas ?? needed, view.hosted(number)) : replicas;
    return revision ? [deploymentApply(buildDeployment(fn, revision, pods, templateOf(revision)), observed)] : [];
  });
  const stopped = (number: number): boolean => scale.revisions.some((planned) => planned.number === number && planned.replicas === 0);
  const replaced = traffic.every(({ revision, percent }) => percent === 0 || stopped(revision) || view.deployed(revision) >= Math.max(1, view.hosted(revision)));
  return {
    applies, keep: scale.revisions.map(({ number }) => number), steering: undefined,
    removals: rollout && replaced ? [removalOf(RESOURCE.rollout, rollout)] : [],
    autoscalers: rollout ? { ...scale.autoscalers, applies: [] } : scale.autoscalers,
  };
}

/** One Rollout for the target and the revision before it. */
function planRollout(input: WorkloadsInput): Workloads {
  const { fn, observed, view, release, templateOf } = input;
  const { rollout: status } = release;
  const name = serviceName(fn.metadata.name);
  const number = rolloutRevision(input);
  const revision = listed(fn, number);
  const scale = input.scaleAll(number, { apiVersion: apiVersionOf(RESOURCE.rollout), kind: RESOURCE.rollout.kind, name });
  const { replicas, needed } = scale.revisions[0] ?? { replicas: 0, needed: 1 };
  const takingOver = isTakingOver(view, observed, number);
  const pods = takingOver && replicas !== 0 ? Math.max(replicas ?? needed, view.deployed(number)) : replicas;
  const { paused = false, promoted = false } = rolloutOf(fn.spec);
  // Argo scales nothing while it is paused.
  const held = paused && !promoted && isUnderway(status) && number === fn.spec.target && scale.active;
  const manifest = revision && buildArgoRollout(fn, revision, { replicas: pods, paused: held }, templateOf(revision));
  const change = steerArgo(fn, view, status);
  return {
    applies: manifest ? [workloadApply(observed, RESOURCE.rollout, manifest, observed.rollout)] : [], removals: [],
    autoscalers: takingOver ? { applies: [], removals: [] } : scale.autoscalers,
    keep: observed.deployments.map((deployment) => revisionOf(deployment)).filter((kept) => takingOver || (hasShare(release, kept) && view.deployed(kept) > 0 && view.hosted(kept) === 0)),
    steering: change && { namespace: fn.metadata.namespace, name, status: change },
  };
}

/**
 * The revision whose template the Rollout has. The good one before the target's: Argo takes its first template without steps. At zero the
 * good one too, or Argo would go through steps that nobody sees.
 */
function rolloutRevision({ fn, observed, view, release }: WorkloadsInput): number {
  const { target, suspension } = fn.spec;
  const { rollout: status, scale } = release;
  const present = view.rollout && argoRevision(view.rollout);
  const good = status?.stable !== undefined && listed(fn, status.stable) ? status.stable : undefined;
  if (!status || good === undefined || status.phase === 'completed') return target;
  // What Argo holds for good by now has to be gone back from by another template.
  if (status.phase === 'aborted') return present === target && status.weight === 0 && !isSettledByArgo(view) ? target : good;
  if (!scale.active || suspension === 'compute') return good;
  if (present === target) return target;
  return isPromotable(view, good) && !isTakingOver(view, observed, good) ? target : good;
}

/** Whether pods of Deployments have no successors in the Rollout yet. */
function isTakingOver(view: RevisionView, observed: ObservedFunction, revision: number): boolean {
  const before = observed.deployments.some((deployment) => view.deployed(revisionOf(deployment)) > 0);
  return before && view.hosted(revision) < Math.max(1, view.deployed(revision));
}

function hasShare({ traffic }: Release, number: number): boolean {
  return traffic.some(({ revision, percent }) => revision === number && percent > 0);
}

/** Undefined while something else has to go first. */
export function deploymentApply(manifest: Deployment, observed: ObservedFunction): PlannedApply | undefined {
  return workloadApply(observed, RESOURCE.deployment, manifest, observed.deployments.find((other) => other.metadata.name === manifest.metadata.name));
}

function workloadApply(observed: ObservedFunction, type: ResourceType, manifest: Workload, present: Workload | undefined): PlannedApply | undefined {
  const planned = planApply(observed, type, manifest, present);
  const handsOver = manifest.spec?.replicas === undefined && present?.metadata.annotations?.[FIXED_REPLICAS] !== undefined;
  return planned && handsOver ? { ...planned, handOver: present.spec?.replicas ?? 1 } : planned;
}
type Workload = KubernetesObject & { spec?: { replicas?: number } };

export function planApply(observed: ObservedFunction, type: ResourceType, manifest: KubernetesObject, present: KubernetesObject | undefined): PlannedApply | undefined {
  // A stranger must be gone first, and so must what is being deleted. Its deletion brings us here again.
  if (observed.strangers.some((stranger) => stranger.type === type && stranger.object.metadata.name === manifest.metadata.name)) return undefined;
  return present && !isPresent(present) ? undefined : { type, manifest, observed: present };
}

export function removalOf(type: ResourceType, object: KubernetesObject): PlannedRemoval {
  return { type, namespace: object.metadata.namespace ?? '', name: object.metadata.name, uid: object.metadata.uid ?? '' };
}

function listed(fn: FunctionResource, number: number): RevisionSpec | undefined {
  return fn.spec.revisions.find((revision) => revision.number === number);
}
