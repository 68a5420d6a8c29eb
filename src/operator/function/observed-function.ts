import type { FunctionResource } from '../../contract/function-resource.js';
import { ANNOTATION, LABEL } from '../../contract/names.js';
import { POOL_LABEL } from '../../contract/pool-resource.js';
import type { Deployment, KubernetesObject, NetworkPolicy, Pod, Service } from '../../platform/kubernetes/kubernetes-object.js';
import type { ResourceType } from '../../platform/kubernetes/resource-type.js';
import { ARGO_HASH_LABEL, type ArgoRollout } from '../rollout/manifests/argo-rollout.js';
import type { RevisionPods } from '../rollout/rollout.policy.js';
import { selectedRevision } from './manifests/service.js';

/** An object with one of this function's names that carries another function's id: left by an earlier function of the same name. */
export interface Stranger {
  type: ResourceType;
  object: KubernetesObject;
}

/** What stands on the cluster. `deployments`, `revisionServices` and `pods` by the function's id; Service and policy by name. */
export interface ObservedFunction {
  deployments: Deployment[];
  strangers: Stranger[];
  service: Service | undefined;
  /** Of single revisions, beside the main one. */
  revisionServices: Service[];
  networkPolicy: NetworkPolicy | undefined;
  pods: Pod[];
  /** Where Argo Rollouts steps the function, or did. */
  rollout?: ArgoRollout | undefined;
}

/** One revision's pods as they stand; pods that are being deleted or came to their end do not count. */
export interface RevisionState {
  number: number;
  /** Pods wanted now; 0 while suspended or idle. */
  wanted: number;
  /** Pods it needs ready for what it shall bear. */
  needed: number;
  deployment: Deployment | undefined;
  /** Of the present template (configuration and secrets included). */
  current: Pod[];
  currentReady: number;
  /** Of any template. */
  ready: number;
}

/** Reason of a pod that Kubernetes ended at its `activeDeadlineSeconds`. */
const AGED = 'DeadlineExceeded';

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
}

export function isPresent(object: KubernetesObject): boolean {
  return object.metadata.deletionTimestamp === undefined;
}

/** Whether the pod was ended at its greatest age: that is no failure, and another one takes its place. */
export function isAged(pod: Pod): boolean {
  return pod.status?.phase === 'Failed' && pod.status.reason === AGED;
}

export function revisionOf(object: KubernetesObject): number {
  return Number(object.metadata.labels?.[LABEL.revision]);
}

function hashOf(pod: Pod): string | undefined {
  return pod.metadata.labels?.[ARGO_HASH_LABEL];
}

/** Looks at one observed world by revision; what was counted once is not counted again. */
export class RevisionView implements RevisionPods {
  private readonly byRevision = new Map<number, Pod[]>();

  /** `hashOf`: of a revision's present template; undefined for one the Function does not list. */
  constructor(private readonly fn: FunctionResource, private readonly observed: ObservedFunction, private readonly hashOf: (revision: number) => string | undefined) {
    for (const pod of observed.pods) {
      if (!isPresent(pod) || isAged(pod)) continue;
      const number = revisionOf(pod);
      const pods = this.byRevision.get(number);
      if (pods) pods.push(pod);
      else this.byRevision.set(number, [pod]);
    }
  }

  pods(revision: number): Pod[] {
    return this.byRevision.get(revision) ?? [];
  }

  ready(revision: number): number {
    return this.pods(revision).filter(isReady).length;
  }

  readyByRevision(): Map<number, number> {
    return new Map([...this.byRevision.keys()].map((revision) => [revision, this.ready(revision)]));
  }

  currentPods(revision: number): Pod[] {
    const pods = this.pods(revision);
    const hash = pods.length === 0 ? undefined : this.hashOf(revision);
    return hash === undefined ? pods : pods.filter((pod) => pod.metadata.annotations?.[ANNOTATION.inputHash] === hash);
  }

  current(revision: number): number {
    return this.currentPods(revision).filter(isReady).length;
  }

  /** Of the warm pool, of the present template, as far as they answer. */
  claimed(revision: number): number {
    return this.currentPods(revision).filter((pod) => isReady(pod) && pod.metadata.labels?.[POOL_LABEL] !== undefined).length;
  }

  /** Ready ones that Argo Rollouts made. */
  hosted(revision: number): number {
    return this.pods(revision).filter((pod) => isReady(pod) && hashOf(pod) !== undefined).length;
  }

  /** Ready ones of the revision's own Deployment. */
  deployed(revision: number): number {
    return this.pods(revision).filter((pod) => isReady(pod) && hashOf(pod) === undefined && pod.metadata.labels?.[POOL_LABEL] === undefined).length;
  }

  /** Whose pods carry a template hash of Argo's; undefined while there are none. */
  revisionOf(hash: string): number | undefined {
    return [...this.byRevision].find(([, pods]) => pods.some((pod) => hashOf(pod) === hash))?.[0];
  }

  get rollout(): ArgoRollout | undefined {
    const { rollout } = this.observed;
    return rollout && isPresent(rollout) ? rollout : undefined;
  }

  deployment(revision: number): Deployment | undefined {
    return this.observed.deployments.find((deployment) => revisionOf(deployment) === revision && isPresent(deployment));
  }

  /** What asks for its pods: its Deployment, or the Rollout, whose conditions and number of pods are of the same form. */
  workload(revision: number): Deployment | undefined {
    return this.deployment(revision) ?? (this.rollout as Deployment | undefined);
  }

  able(revision: number): boolean {
    return this.fn.spec.revisions.some(({ number }) => number === revision) || this.deployment(revision) !== undefined || this.hosted(revision) > 0;
  }

  /** From the status; should that be lost, from where the Service points, provided that somebody answers there. */
  servedBefore(): number | undefined {
    if (this.fn.status?.servingRevision !== undefined) return this.fn.status.servingRevision;
    const selected = selectedRevision(this.observed.service);
    return selected !== undefined && this.ready(selected) > 0 ? selected : undefined;
  }
}
