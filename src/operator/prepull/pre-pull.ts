import type { Logger } from 'pino';
import type { FunctionResource } from '../../contract/function-resource.js';
import { API_GROUP, API_VERSION, FIELD_MANAGER, LABEL } from '../../contract/names.js';
import { POOL_LABEL, POOL_RUNTIME_LABEL, type WarmPoolResource } from '../../contract/pool-resource.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { isConflict, isRefused } from '../../platform/kubernetes/kubernetes-errors.js';
import { objectKey, type KubernetesObject, type Pod } from '../../platform/kubernetes/kubernetes-object.js';
import type { Reflector } from '../../platform/kubernetes/reflector.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { WorkQueue, type WorkOutcome } from '../../platform/kubernetes/work-queue.js';
import { partLogger } from '../../platform/observability/logger.js';
import { buildPrePullPod, type PullOwner } from './manifests/pre-pull-pod.js';
import { PrePullCaches } from './pre-pull.caches.js';
import { planPrePull, pullKey } from './pre-pull.plan.js';
import { functionImages, isRecent, poolImages } from './pull-wishes.policy.js';

const CALL_MS = 10_000;
/** For all owners together. */
const MOST_PODS = 20;
/** While there is no room, or nodes are not known yet. */
const AGAIN_MS = 2_000;

export interface PrePullOptions {
  /** Of the cluster. Stays the caller's to close. */
  client: KubernetesClient;
  /** The operator's own caches. */
  views: { functions: Reflector<FunctionResource>; functionPods: Reflector<Pod>; pools: Reflector<WarmPoolResource>; poolPods: Reflector<Pod> };
  /** Most nodes an image is brought to; 0: nothing is ever pulled ahead. */
  mostNodes: number;
  /** Look at one namespace alone: for tests. */
  namespace?: string;
}

/** What wants images on nodes, and where it runs already. */
interface Wish {
  owner: PullOwner;
  images: string[];
  hosts(image: string): ReadonlySet<string>;
}

/**
 * Brings images to nodes before a pod needs them there: of functions that were deployed, and of runtimes that pods wait for. The leader
 * alone does; what it could not do, or what was lost with it, costs a start its pull and nothing else.
 */
export class PrePull {
  private readonly log: Logger = partLogger('pre-pull');
  private readonly caches: PrePullCaches;
  private readonly queue: WorkQueue;
  /** Images seen to or not to be, by the key of what wants them. */
  private readonly seen = new Map<string, string>();
  /** Nodes asked for the present images. */
  private readonly tried = new Map<string, Set<string>>();
  private readonly detach: (() => void)[] = [];
  private leading = false;

  constructor(private readonly options: PrePullOptions) {
    const { client, namespace } = options;
    this.caches = new PrePullCaches(client, namespace === undefined ? {} : { namespace });
    this.queue = new WorkQueue({
      name: `pre-pull-${client.cluster}`, concurrency: 2, handle: (key) => this.work(key),
      onFailure: (key, error, failures) => this.log[failures > 2 ? 'warn' : 'info']({ err: error, owner: key, failures }, 'an image could not be pulled ahead; it is tried again'),
    });
  }

  /** Returns at once: nobody waits for favours. After the operator's own caches are filled. */
  start(): void {
    if (this.options.mostNodes === 0) return;
    const { functions, pools } = this.options.views;
    this.caches.start();
    this.detach.push(
      functions.addHandlers({ onAdd: (fn) => this.look(fn, true), onUpdate: (fn) => this.look(fn, true), onDelete: (fn) => this.forget(keyOf('function', fn)) }),
      pools.addHandlers({ onAdd: (pool) => this.look(pool, true), onUpdate: (pool) => this.look(pool, true), onDelete: (pool) => this.forget(keyOf('pool', pool)) }),
      this.caches.pods.addHandlers({ onAdd: (pod) => this.podChanged(pod), onUpdate: (pod) => this.podChanged(pod), onDelete: (pod) => this.podChanged(pod) }),
    );
  }

  /** This process does it from now on: what changed lately, and what was left behind. */
  lead(): void {
    if (this.options.mostNodes === 0) return;
    this.leading = true;
    const now = Date.now();
    const { functions, pools } = this.options.views;
    for (const one of [...functions.list(), ...pools.list()]) this.look(one, isRecent(one, now));
    for (const pod of this.caches.pods.list()) this.podChanged(pod);
    this.queue.resume();
  }

  async follow(): Promise<void> {
    this.leading = false;
    this.queue.pause();
    await this.queue.idle();
    this.seen.clear();
    this.tried.clear();
  }

  async stop(): Promise<void> {
    for (const detach of this.detach.splice(0)) detach();
    await this.queue.drain();
    await this.caches.stop();
  }

  private look(object: FunctionResource | WarmPoolResource, act: boolean): void {
    if (!this.leading) return;
    const [key, images] = isPool(object) ? [keyOf('pool', object), poolImages(object)] : [keyOf('function', object), functionImages(object)];
    const wanted = images.join(' ');
    if (this.seen.get(key) === wanted) return;
    this.seen.set(key, wanted);
    this.tried.delete(key);
    if (act && wanted !== '') this.queue.add(key);
  }

  private podChanged(pod: Pod): void {
    const owner = pod.metadata.ownerReferences?.[0];
    if (this.leading && owner) this.queue.add(keyOf(owner.kind === 'WarmPool' ? 'pool' : 'function', { metadata: { namespace: pod.metadata.namespace, name: owner.name } }));
  }

  private forget(key: string): void {
    this.seen.delete(key);
    this.tried.delete(key);
    this.queue.forget(key);
  }

  private async work(key: string): Promise<WorkOutcome | void> {
    const wish = this.wishOf(key);
    // Gone with what it wanted: Kubernetes takes the pods along.
    if (!wish) return undefined;
    if (!this.caches.isSynced) return { againAfterMs: AGAIN_MS };
    const tried = this.tried.get(key) ?? new Set<string>();
    this.tried.set(key, tried);
    const plan = planPrePull({
      images: wish.images, nodes: this.caches.nodes.list(), hosts: (image) => wish.hosts(image), pods: this.caches.podsOf(wish.owner.reference.uid), tried,
      mostNodes: this.options.mostNodes, room: MOST_PODS - this.caches.pods.list().length, now: Date.now(),
    });
    await Promise.all(plan.removals.map((pod) => this.remove(pod)));
    for (const { image, node } of plan.creations) {
      await this.create(wish.owner, image, node);
      tried.add(pullKey(image, node));
    }
    const again = Math.min(plan.waits ? AGAIN_MS : Number.POSITIVE_INFINITY, plan.againAfterMs ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(again) ? { againAfterMs: again } : undefined;
  }

  private wishOf(key: string): Wish | undefined {
    const { functions, functionPods, pools, poolPods } = this.options.views;
    const [kind, ref = ''] = [key.split(':')[0], key.slice(key.indexOf(':') + 1)];
    if (kind === 'pool') {
      const pool = pools.get(ref);
      return pool && { owner: ownerOf(pool, 'WarmPool'), images: poolImages(pool), hosts: (image) => nodesOf(poolPods, pool, (pod) => pool.spec.runtimes.some((one) => one.image === image && one.runtime === pod.metadata.labels?.[POOL_RUNTIME_LABEL])) };
    }
    const fn = functions.get(ref);
    return fn && {
      owner: ownerOf(fn, 'Function'), images: functionImages(fn),
      // What came out of a warm pool runs the runtime's image, not the function's.
      hosts: () => nodesOf(functionPods, fn, ({ metadata: { labels } }) => labels?.[LABEL.functionId] === fn.spec.functionId && labels[LABEL.revision] === String(fn.spec.target) && labels[POOL_LABEL] === undefined),
    };
  }

  /** What the tenant's quota or the cluster refuses is not pulled ahead. */
  private async create(owner: PullOwner, image: string, node: string): Promise<void> {
    try {
      this.caches.pods.adopt(await this.options.client.create<Pod>(RESOURCE.pod, buildPrePullPod(owner, image, node), { fieldManager: FIELD_MANAGER.operator, timeoutMs: CALL_MS }));
    } catch (error) {
      if (!isConflict(error) && !isRefused(error)) throw error;
      this.log.debug({ err: error, namespace: owner.namespace, image, node }, 'an image is not pulled ahead');
    }
  }

  private async remove({ metadata: { namespace, name, uid } }: Pod): Promise<void> {
    await this.options.client.delete(RESOURCE.pod, { namespace, name }, { uid, gracePeriodSeconds: 0, timeoutMs: CALL_MS }).catch((error: unknown) => {
      if (!isConflict(error)) throw error;
    });
  }
}

function isPool(object: FunctionResource | WarmPoolResource): object is WarmPoolResource {
  return 'runtimes' in object.spec;
}

function keyOf(kind: 'function' | 'pool', { metadata: { namespace, name } }: { metadata: { namespace?: string | undefined; name: string } }): string {
  return `${kind}:${objectKey({ namespace, name })}`;
}

function ownerOf({ metadata, spec }: FunctionResource | WarmPoolResource, kind: string): PullOwner {
  return { namespace: metadata.namespace, tenantId: spec.tenantId, reference: { apiVersion: `${API_GROUP}/${API_VERSION}`, kind, name: metadata.name, uid: metadata.uid ?? '', controller: true, blockOwnerDeletion: true } };
}

/** Nodes that run such pods of the object's namespace: their containers have started, so the image is there. */
function nodesOf(pods: Reflector<Pod>, { metadata: { namespace } }: KubernetesObject, matches: (pod: Pod) => boolean): Set<string> {
  return new Set(pods.list().filter((pod) => pod.metadata.namespace === namespace && pod.spec?.nodeName && matches(pod)).map((pod) => pod.spec?.nodeName ?? ''));
}
