import type { FunctionResource } from '../../contract/function-resource.js';
import { ANNOTATION, LABEL } from '../../contract/names.js';
import { CLAIMED_AT, POOL_LABEL, POOL_RUNTIME_LABEL, WARM_POOL_NAME, type WarmPoolResource } from '../../contract/pool-resource.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { Deployment, NetworkPolicy, Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { byNamespace } from '../../platform/kubernetes/object-store.js';
import { Reflector } from '../../platform/kubernetes/reflector.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { POOL_COMPONENT } from './manifests/pool-pod.js';

const BY_NAMESPACE = 'namespace';

/** What the operator's caches of Functions show already: they are not watched twice. */
export interface FunctionViews {
  functions: Reflector<FunctionResource>;
  deployments: Reflector<Deployment>;
}

/** Warm pools, their pods and their policies, without asking the cluster. */
export class PoolCaches {
  readonly pools: Reflector<WarmPoolResource>;
  readonly pods: Reflector<Pod>;
  readonly policies: Reflector<NetworkPolicy>;

  constructor(client: KubernetesClient, options: { namespace?: string } = {}) {
    this.pools = new Reflector<WarmPoolResource>(client, RESOURCE.warmPool, options);
    this.pods = new Reflector<Pod>(client, RESOURCE.pod, { ...options, labelSelector: POOL_LABEL, indexers: { [BY_NAMESPACE]: byNamespace }, transform: slimPod });
    this.policies = new Reflector<NetworkPolicy>(client, RESOURCE.networkPolicy, { ...options, labelSelector: `${LABEL.component}=${POOL_COMPONENT}` });
  }

  start(): void {
    for (const reflector of this.all()) reflector.start();
  }

  async synced(deadlineMs: number): Promise<void> {
    await Promise.all(this.all().map((reflector) => reflector.synced(deadlineMs)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.all().map((reflector) => reflector.stop()));
  }

  pool(namespace: string): WarmPoolResource | undefined {
    return this.pools.get({ namespace, name: WARM_POOL_NAME });
  }

  podsOf(namespace: string): Pod[] {
    return this.pods.byIndex(BY_NAMESPACE, namespace);
  }

  private all(): Reflector<never>[] {
    return [this.pools, this.pods, this.policies] as unknown as Reflector<never>[];
  }
}

/** What plan and claims read of a pod. */
function slimPod(pod: Pod): Pod {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, labels = {}, annotations = {} } = pod.metadata;
  const pick = (from: Record<string, string>, names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]])));
  const { phase, message, podIP, startTime, conditions, containerStatuses } = pod.status ?? {};
  return {
    metadata: {
      name, namespace, uid, resourceVersion, creationTimestamp, ...(deletionTimestamp ? { deletionTimestamp } : {}),
      labels: pick(labels, [POOL_LABEL, POOL_RUNTIME_LABEL, LABEL.function, LABEL.functionId, LABEL.revision]), annotations: pick(annotations, [ANNOTATION.inputHash, CLAIMED_AT]),
    },
    ...(pod.spec?.nodeName ? { spec: { nodeName: pod.spec.nodeName } } : {}), status: { phase, message, podIP, startTime, conditions, containerStatuses },
  } as Pod;
}
