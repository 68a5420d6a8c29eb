import type { FunctionResource } from '../../contract/function-resource.js';
import { LABEL } from '../../contract/names.js';
import { isPoolRuntime, WARM_POOL_NAME, type PoolRuntime } from '../../contract/pool-resource.js';
import { objectKey, type Deployment, type KubernetesObject, type Pod } from '../../platform/kubernetes/kubernetes-object.js';
import type { WorkQueue } from '../../platform/kubernetes/work-queue.js';
import type { FunctionViews, PoolCaches } from './pool.caches.js';
import { isClaimable, runtimeOf, stateOf } from './pool.plan.js';
import type { PoolDemand } from './pool-demand.js';

export interface PoolNews {
  /** A function has become idle: its next start may be warm. */
  onIdle(fn: FunctionResource): void;
  /** A pod can be claimed from now on. */
  onReady(pod: Pod): void;
}

/** Turns changes of pools, their pods and the functions these serve into keys of the queue: namespaces with a pool. */
export class PoolWatch {
  private readonly detach: (() => void)[] = [];

  constructor(
    private readonly caches: PoolCaches,
    private readonly views: FunctionViews,
    private readonly demand: PoolDemand,
    private readonly queue: WorkQueue,
    private readonly news: PoolNews,
  ) {}

  attach(): void {
    this.detach.push(
      this.caches.pools.addHandlers({
        onAdd: (pool) => this.add(pool),
        // The operator's own status patches move no generation.
        onUpdate: (pool, before) => { if (pool.metadata.generation !== before.metadata.generation || pool.metadata.uid !== before.metadata.uid) this.add(pool); },
        onDelete: (pool) => this.queue.forget(objectKey(pool)),
      }),
      this.caches.pods.addHandlers({
        onAdd: (pod) => this.changed(pod, undefined),
        onUpdate: (pod, before) => this.changed(pod, before),
        onDelete: (pod) => this.add(pod),
      }),
      this.caches.policies.addHandlers({ onUpdate: (policy) => this.add(policy), onDelete: (policy) => this.add(policy) }),
      this.views.functions.addHandlers({ onAdd: (fn) => this.functionChanged(fn, undefined), onUpdate: (fn, before) => this.functionChanged(fn, before) }),
      this.views.deployments.addHandlers({ onUpdate: (deployment, before) => this.deploymentChanged(deployment, before) }),
    );
  }

  /** Every pool there is: after an election nobody knows what the leader before had still to do. */
  addAll(): void {
    for (const pool of this.caches.pools.list()) this.add(pool);
  }

  close(): void {
    for (const detach of this.detach.splice(0)) detach();
  }

  private add({ metadata: { namespace } }: KubernetesObject): void {
    if (namespace && this.caches.pool(namespace)) this.queue.add(`${namespace}/${WARM_POOL_NAME}`);
  }

  private changed(pod: Pod, before: Pod | undefined): void {
    const runtime = runtimeOf(pod);
    if (before && stateOf(before) === 'waiting' && stateOf(pod) !== 'waiting' && runtime && isRuntime(runtime)) this.demand.record(pod.metadata.namespace ?? '', runtime);
    if (isClaimable(pod) && !(before && isClaimable(before))) this.news.onReady(pod);
    this.add(pod);
  }

  private functionChanged(fn: FunctionResource, before: FunctionResource | undefined): void {
    const [idle, was] = [fn.status?.scale?.active === false, before?.status?.scale?.active === false];
    if (idle && (!was || fn.metadata.generation !== before?.metadata.generation)) this.news.onIdle(fn);
    if (before && (idle !== was || fn.metadata.generation !== before.metadata.generation) && this.serves(fn.metadata.namespace, fn.spec.functionId)) this.add(fn);
  }

  private deploymentChanged(deployment: Deployment, before: Deployment): void {
    if (deployment.status?.readyReplicas === before.status?.readyReplicas && deployment.spec?.replicas === before.spec?.replicas) return;
    if (this.serves(deployment.metadata.namespace ?? '', deployment.metadata.labels?.[LABEL.functionId])) this.add(deployment);
  }

  /** Whether a pod that came out of the pool serves the function. */
  private serves(namespace: string, functionId: string | undefined): boolean {
    return this.caches.podsOf(namespace).some((pod) => pod.metadata.labels?.[LABEL.functionId] === functionId);
  }
}

function isRuntime(runtime: string): runtime is PoolRuntime {
  return isPoolRuntime(runtime as PoolRuntime);
}
