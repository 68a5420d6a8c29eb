import type { Logger } from 'pino';
import type { FunctionResource } from '../../contract/function-resource.js';
import { POOL_RUNTIMES, POOL_STATES } from '../../contract/pool-resource.js';
import type { WakeAnswer } from '../../contract/wake.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { objectKey, parseObjectKey } from '../../platform/kubernetes/kubernetes-object.js';
import { WorkQueue } from '../../platform/kubernetes/work-queue.js';
import { partLogger } from '../../platform/observability/logger.js';
import { CodeLayers, type ImageSource } from './code-layers.js';
import { PodResizer } from './pod-resizer.js';
import { PodSpecializer } from './pod-specializer.js';
import { PoolCaches, type FunctionViews } from './pool.caches.js';
import { PoolClaims } from './pool.claims.js';
import { poolPods } from './pool.metrics.js';
import { runtimeOf, stateOf } from './pool.plan.js';
import { PoolReconciler } from './pool.reconciler.js';
import { PoolWatch } from './pool.watch.js';
import { PoolDemand } from './pool-demand.js';
import { PoolTokens } from './pool-tokens.js';
import { RevisionEnvironments } from './revision-environment.js';

const CACHE_BYTES = 256 * 1024 ** 2;
const COUNT_MS = 5_000;

export interface WarmPoolsOptions {
  /** Of the cluster. Stays the caller's to close. */
  client: KubernetesClient;
  /** Registry that functions' images lie in. Without one nothing starts warm. */
  registry?: ImageSource;
  /** The operator's own caches of Functions. */
  views: FunctionViews;
  /** Look at one namespace alone: for tests. */
  namespace?: string;
  /** Pools at work at once. Default 4. */
  concurrency?: number;
  /** Most bytes of code kept in memory. Default 256 MiB. */
  cacheBytes?: number;
}

/**
 * The operator's warm pools on one cluster. Every operator claims; one, the leader, keeps the pools full:
 * call {@link lead} when elected and {@link follow} when deposed.
 */
export class WarmPools {
  private readonly log: Logger = partLogger('pool');
  readonly caches: PoolCaches;
  private readonly demand = new PoolDemand();
  private readonly tokens: PoolTokens;
  private readonly specializer = new PodSpecializer();
  private readonly queue: WorkQueue;
  private readonly ahead: WorkQueue;
  private readonly watch: PoolWatch;
  private readonly claims: PoolClaims | undefined;
  private counting: NodeJS.Timeout | undefined;

  constructor(private readonly options: WarmPoolsOptions) {
    const { client, registry, views, namespace, concurrency = 4, cacheBytes = CACHE_BYTES } = options;
    const { demand } = this;
    this.caches = new PoolCaches(client, namespace === undefined ? {} : { namespace });
    this.tokens = new PoolTokens(client);
    const { caches, tokens } = this;
    const reconciler = new PoolReconciler({ client, caches, views, demand, tokens });
    this.claims = registry && new PoolClaims({
      client, caches, tokens, demand, code: new CodeLayers(registry, cacheBytes), environments: new RevisionEnvironments(client), resizer: new PodResizer(client), specializer: this.specializer,
    });
    this.queue = new WorkQueue({
      name: `pool-${client.cluster}`, concurrency, handle: (key) => reconciler.reconcile(key),
      onFailure: (key, error, failures) => this.log[failures > 2 ? 'warn' : 'info']({ err: error, pool: key, failures }, 'the pool could not be brought in line; it is tried again'),
    });
    this.ahead = new WorkQueue({ name: `pool-ahead-${client.cluster}`, concurrency: 2, handle: (key) => this.readAhead(key) });
    this.watch = new PoolWatch(caches, views, demand, this.queue, {
      onIdle: (fn) => this.ahead.add(objectKey(fn)),
      onReady: (pod) => { if (!tokens.has(pod.metadata.namespace ?? '', pod.metadata.name)) this.ahead.add(`${pod.metadata.namespace}/`); },
    });
  }

  /** Resolves when pools and pods are known. After the CustomResourceDefinitions are in place and `views` are synced. */
  async start(deadlineMs = 30_000): Promise<void> {
    this.caches.start();
    await this.caches.synced(deadlineMs);
    this.watch.attach();
    this.ahead.resume();
    this.counting = setInterval(() => this.count(), COUNT_MS);
    this.counting.unref();
  }

  /** This process keeps the pools full from now on. */
  lead(): void {
    this.watch.addAll();
    this.queue.resume();
  }

  /** Another one does. Resolves when nothing is under way here. */
  async follow(): Promise<void> {
    this.queue.pause();
    await this.queue.idle();
  }

  /** See {@link PoolClaims.claim}: undefined where the function has to start cold. Never rejects. */
  async claim(fn: FunctionResource, signal: AbortSignal): Promise<WakeAnswer | undefined> {
    return this.claims?.claim(fn, signal);
  }

  async stop(): Promise<void> {
    clearInterval(this.counting);
    this.watch.close();
    await Promise.all([this.queue.drain(), this.ahead.drain(), this.claims?.settle()]);
    await this.caches.stop();
    await this.specializer.close();
  }

  /** A function's code and environment, or with a namespace alone the tokens of its pods. */
  private async readAhead(key: string): Promise<void> {
    const { namespace = '', name } = parseObjectKey(key);
    if (name === '') return this.tokens.refresh(namespace);
    const fn = this.caches.pool(namespace) && this.options.views.functions.get(key);
    if (fn) await this.claims?.prefetch(fn);
  }

  private count(): void {
    const { cluster } = this.options.client;
    const counts = new Map<string, number>();
    for (const pod of this.caches.pods.list()) {
      const [runtime, state] = [runtimeOf(pod) ?? '', stateOf(pod) ?? ''];
      counts.set(`${runtime}/${state}`, (counts.get(`${runtime}/${state}`) ?? 0) + 1);
    }
    for (const runtime of POOL_RUNTIMES) for (const state of POOL_STATES) poolPods.set({ cluster, runtime, state }, counts.get(`${runtime}/${state}`) ?? 0);
  }
}
