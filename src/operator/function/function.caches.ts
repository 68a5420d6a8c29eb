import type { FunctionResource } from '../../contract/function-resource.js';
import { ANNOTATION, LABEL, revisionName, revisionServiceName, serviceName } from '../../contract/names.js';
import { POOL_LABEL } from '../../contract/pool-resource.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { Deployment, KubernetesObject, NetworkPolicy, Pod, Service } from '../../platform/kubernetes/kubernetes-object.js';
import { byLabel } from '../../platform/kubernetes/object-store.js';
import { Reflector, type ReflectorOptions } from '../../platform/kubernetes/reflector.js';
import { RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import { ArgoRollouts } from '../rollout/argo-rollouts.js';
import { ARGO_HASH_LABEL } from '../rollout/manifests/argo-rollout.js';
import { isPresent, isReady, revisionOf, type ObservedFunction, type Stranger } from './observed-function.js';

const BY_FUNCTION = 'function';

/** What the operator knows of a cluster without asking: Functions and their children. */
export class FunctionCaches {
  readonly functions: Reflector<FunctionResource>;
  readonly deployments: Reflector<Deployment>;
  readonly services: Reflector<Service>;
  readonly networkPolicies: Reflector<NetworkPolicy>;
  readonly pods: Reflector<Pod>;
  /** Filled where the cluster knows Rollouts. */
  readonly argo: ArgoRollouts;

  constructor(client: KubernetesClient, options: Pick<ReflectorOptions<KubernetesObject>, 'namespace' | 'backoff'> = {}) {
    const children = <T extends KubernetesObject>(): ReflectorOptions<T> => ({
      ...options, labelSelector: LABEL.functionId, indexers: { [BY_FUNCTION]: byLabel(LABEL.functionId) },
    });
    this.argo = new ArgoRollouts({ client, namespace: options.namespace });
    this.functions = new Reflector<FunctionResource>(client, RESOURCE.function, options);
    this.deployments = new Reflector<Deployment>(client, RESOURCE.deployment, children<Deployment>());
    this.services = new Reflector<Service>(client, RESOURCE.service, children<Service>());
    this.networkPolicies = new Reflector<NetworkPolicy>(client, RESOURCE.networkPolicy, children<NetworkPolicy>());
    this.pods = new Reflector<Pod>(client, RESOURCE.pod, { ...children<Pod>(), transform: slimPod });
  }

  start(): void {
    for (const reflector of this.all()) reflector.start();
  }

  /** A Rollout that stands must be known, or its function would get pods beside it. */
  async synced(deadlineMs: number): Promise<void> {
    await Promise.all([...this.all().map((reflector) => reflector.synced(deadlineMs)), this.argoSynced(deadlineMs)]);
  }

  private async argoSynced(deadlineMs: number): Promise<void> {
    if ((await this.argo.look()) === 'unknown') await this.argo.rollouts.synced(deadlineMs);
  }

  get isSynced(): boolean {
    return this.all().every((reflector) => reflector.isSynced);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.all().map((reflector) => reflector.stop()), this.argo.stop()]);
  }

  observe(fn: FunctionResource): ObservedFunction {
    const { namespace, name } = fn.metadata;
    const id = fn.spec.functionId;
    const mine = (object: KubernetesObject): boolean => object.metadata.namespace === namespace;
    const own = <T extends KubernetesObject>(object: T | undefined): T | undefined => (object?.metadata.labels?.[LABEL.functionId] === id ? object : undefined);
    const main = serviceName(name);
    const [service, networkPolicy] = [this.services.get({ namespace, name: main }), this.networkPolicies.get({ namespace, name: main })];
    return {
      deployments: this.deployments.byIndex(BY_FUNCTION, id).filter(mine),
      strangers: this.strangersOf(fn, service, networkPolicy),
      service: own(service),
      revisionServices: this.services.byIndex(BY_FUNCTION, id).filter((candidate) => mine(candidate) && candidate.metadata.labels?.[LABEL.revision] !== undefined),
      networkPolicy: own(networkPolicy),
      pods: this.pods.byIndex(BY_FUNCTION, id).filter(mine),
      rollout: this.argo.find(id, namespace),
    };
  }

  /** Of one revision, as far as they answer. */
  readyPods({ functionId, namespace }: { functionId: string; namespace: string }, revision: number): Pod[] {
    return this.pods.byIndex(BY_FUNCTION, functionId).filter((pod) => (
      pod.metadata.namespace === namespace && revisionOf(pod) === revision && isPresent(pod) && isReady(pod)
    ));
  }

  private strangersOf(fn: FunctionResource, service: Service | undefined, networkPolicy: NetworkPolicy | undefined): Stranger[] {
    const { namespace, name } = fn.metadata;
    const named: { type: ResourceType; object: KubernetesObject | undefined }[] = [
      { type: RESOURCE.service, object: service },
      { type: RESOURCE.networkPolicy, object: networkPolicy },
      { type: RESOURCE.rollout, object: this.argo.rollouts.get({ namespace, name: serviceName(name) }) },
      ...fn.spec.revisions.flatMap(({ number }) => [
        { type: RESOURCE.deployment, object: this.deployments.get({ namespace, name: revisionName(name, number) }) },
        { type: RESOURCE.service, object: this.services.get({ namespace, name: revisionServiceName(name, number) }) },
      ]),
    ];
    return named.filter((entry): entry is Stranger => entry.object !== undefined && entry.object.metadata.labels?.[LABEL.functionId] !== fn.spec.functionId);
  }

  /** Takes the answer of a write in: see {@link Reflector.adopt}. */
  adopt(type: ResourceType, object: KubernetesObject): void {
    if (type === RESOURCE.deployment) this.deployments.adopt(object);
    else if (type === RESOURCE.service) this.services.adopt(object);
    else if (type === RESOURCE.networkPolicy) this.networkPolicies.adopt(object);
    else if (type === RESOURCE.rollout) this.argo.adopt(object);
    else if (type === RESOURCE.function) this.functions.adopt(object as FunctionResource);
  }

  private all(): Reflector<never>[] {
    return [this.functions, this.deployments, this.services, this.networkPolicies, this.pods] as unknown as Reflector<never>[];
  }
}

/** Pods are the most numerous objects: only what plan and diagnosis read is kept. */
export function slimPod(pod: Pod): Pod {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, labels = {}, annotations = {} } = pod.metadata;
  const kept = [LABEL.function, LABEL.functionId, LABEL.revision, POOL_LABEL, ARGO_HASH_LABEL].flatMap((label) => (labels[label] === undefined ? [] : [[label, labels[label]]]));
  const hash = annotations[ANNOTATION.inputHash];
  const { phase, reason, message, podIP, conditions, containerStatuses } = pod.status ?? {};
  const { activeDeadlineSeconds, nodeName } = pod.spec ?? {};
  return {
    metadata: {
      name, namespace, uid, resourceVersion, creationTimestamp, ...(deletionTimestamp ? { deletionTimestamp } : {}),
      labels: Object.fromEntries(kept) as Record<string, string>, annotations: hash ? { [ANNOTATION.inputHash]: hash } : {},
    },
    spec: { ...(activeDeadlineSeconds === undefined ? {} : { activeDeadlineSeconds }), ...(nodeName === undefined ? {} : { nodeName }) },
    status: {
      phase, reason, message, podIP,
      conditions: conditions?.filter((condition) => condition.type === 'Ready' || condition.type === 'PodScheduled'),
      containerStatuses,
    },
  } as Pod;
}
