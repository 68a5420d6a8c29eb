import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { FIELD_MANAGER, FUNCTION_PORT, LABEL, MANAGED_BY, SYSTEM_NAMESPACE } from '../contract/names.js';
import type { Waker } from '../contract/wake.js';
import { ChildApplier } from '../operator/function/child-applier.js';
import { FunctionCaches } from '../operator/function/function.caches.js';
import { FunctionEvents } from '../operator/function/function.events.js';
import { FunctionReconciler } from '../operator/function/function.reconciler.js';
import { FunctionWatch } from '../operator/function/function.watch.js';
import { PodEvidence } from '../operator/function/pod-evidence.js';
import type { ImageSource } from '../operator/pool/code-layers.js';
import { WarmPools } from '../operator/pool/warm-pools.js';
import { PrePull } from '../operator/prepull/pre-pull.js';
import { Routes } from '../operator/route/routes.js';
import type { RouteSettings } from '../operator/route/route-settings.js';
import { ReleaseMetricsScraper } from '../operator/rollout/release-metrics.scraper.js';
import { Scaling, type ScalingSettings } from '../operator/scaling/scaling.js';
import { backoffMs } from '../platform/kubernetes/backoff.js';
import { ensureCrd } from '../platform/kubernetes/ensure-crd.js';
import type { KubernetesClient } from '../platform/kubernetes/kubernetes-client.js';
import { LeaderElection } from '../platform/kubernetes/leader-election.js';
import { PodPages } from '../platform/kubernetes/pod-pages.js';
import { RESOURCE } from '../platform/kubernetes/resource-type.js';
import { WorkQueue } from '../platform/kubernetes/work-queue.js';
import { partLogger, withLogContext } from '../platform/observability/logger.js';

export interface OperatorRoleOptions {
  /** Of the cluster to operate. Stays the caller's to close. */
  client: KubernetesClient;
  /** Reconciles at once; default 16, of one tenant at most 6. */
  concurrency?: number;
  /** Apply the CustomResourceDefinition and the system namespace at start. Default true; an installation by Helm says false. */
  install?: boolean;
  /** Look at one namespace alone: for tests. */
  namespace?: string;
  /** Lease in the system namespace. Default `fnplane-operator`. */
  leaseName?: string;
  scaling?: ScalingSettings;
  /** Registry that functions' images lie in; absent: nothing starts warm. */
  registry?: ImageSource;
  /** Most nodes that a function's image is brought to before it is needed there. Default 0: none. */
  prePullNodes?: number;
  /** The cluster's way in, for functions' hosts and paths; absent: the platform's own gateway alone serves these. */
  routes?: RouteSettings;
}

export interface RoleReadiness {
  ready: boolean;
  /** For `/readyz` and logs. */
  detail: string;
}

/**
 * The operator of one cluster: turns `Function` resources into workloads. Any number may run; one is the leader, the others
 * keep warm caches and take over. It needs neither Postgres nor the API.
 */
export class OperatorRole {
  private readonly log: Logger = partLogger('operator');
  private readonly identity = `${hostname()}_${randomUUID()}`;
  private readonly client: KubernetesClient;
  private readonly caches: FunctionCaches;
  private readonly queue: WorkQueue;
  private readonly watch: FunctionWatch;
  private readonly events: FunctionEvents;
  private readonly scaling: Scaling;
  private readonly pools: WarmPools;
  private readonly prePull: PrePull;
  private readonly routes: Routes | undefined;
  private readonly pages: PodPages;
  private readonly metrics: ReleaseMetricsScraper;
  private readonly election: LeaderElection;
  private readonly stopping = new AbortController();
  private starting: Promise<void> | undefined;
  private problem: string | undefined;

  constructor(private readonly options: OperatorRoleOptions) {
    this.client = options.client;
    this.caches = new FunctionCaches(this.client, options.namespace ? { namespace: options.namespace } : {});
    this.events = new FunctionEvents(this.client, this.identity);
    this.pages = new PodPages(this.client, options.scaling?.podNetwork ?? 'auto', FUNCTION_PORT);
    this.metrics = new ReleaseMetricsScraper({ pods: (release, revision) => this.caches.readyPods(release, revision), read: (pod) => this.pages.read(pod, '/metrics') });
    const { namespace, registry } = options;
    this.pools = new WarmPools({ client: this.client, views: this.caches, ...(namespace ? { namespace } : {}), ...(registry ? { registry } : {}) });
    const { pools, pods: poolPods } = this.pools.caches;
    this.prePull = new PrePull({
      client: this.client, views: { functions: this.caches.functions, functionPods: this.caches.pods, pools, poolPods }, mostNodes: options.prePullNodes ?? 0, ...(namespace ? { namespace } : {}),
    });
    this.scaling = new Scaling({
      ...options.scaling, ...(registry ? { claim: (fn, signal) => this.pools.claim(fn, signal) } : {}), client: this.client, pages: this.pages, caches: this.caches, namespace: options.namespace, install: options.install ?? true, enqueue: (key) => this.queue.add(key),
    });
    this.routes = options.routes && new Routes({ client: this.client, settings: options.routes, caches: this.caches, namespace: options.namespace, enqueue: (key) => this.queue.add(key) });
    const reconciler = new FunctionReconciler({
      client: this.client, caches: this.caches, applier: new ChildApplier(this.client), evidence: new PodEvidence(this.client), events: this.events, metrics: this.metrics, scaling: this.scaling, routes: this.routes,
    });
    const concurrency = options.concurrency ?? 16;
    this.queue = new WorkQueue({
      name: `operator-${this.client.cluster}`,
      concurrency,
      groupConcurrency: Math.max(1, Math.ceil(concurrency / 3)),
      handle: (key) => withLogContext({ function: key }, () => reconciler.reconcile(key)),
      onFailure: (key, error, failures) => this.log[failures > 2 ? 'warn' : 'info']({ err: error, function: key, failures }, 'reconcile failed; it is tried again'),
    });
    this.watch = new FunctionWatch(this.caches, this.queue);
    this.election = new LeaderElection({
      client: this.client, namespace: SYSTEM_NAMESPACE, name: options.leaseName ?? FIELD_MANAGER.operator, identity: this.identity,
      onElected: () => {
        this.scaling.lead();
        this.pools.lead();
        this.prePull.lead();
        this.watch.addAll();
        this.queue.resume();
      },
      onDeposed: async () => {
        this.queue.pause();
        await Promise.all([this.queue.idle(), this.pools.follow(), this.prePull.follow()]);
        await this.scaling.standDown();
        this.metrics.unfollowAll();
      },
    });
  }

  /**
   * Returns at once: a cluster that is out of reach must not keep the other roles from starting. See {@link readiness}.
   */
  start(): void {
    this.starting ??= this.run();
  }

  /** Waits for what is under way, gives the lease back, ends the watches. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.starting;
    await this.scaling.stop();
    await this.election.stop();
    await this.queue.drain();
    await Promise.all([this.prePull.stop(), this.pools.stop(), this.routes?.stop()]);
    this.watch.close();
    await this.metrics.close();
    await this.pages.close();
    await this.caches.stop();
    await this.events.settle();
  }

  /** Ready when the caches are filled: as leader or standing by. */
  get readiness(): RoleReadiness {
    if (this.problem) return { ready: false, detail: this.problem };
    if (!this.caches.isSynced || !this.scaling.isSynced || this.routes?.isSynced === false) return { ready: false, detail: 'listing the cluster\'s functions' };
    return { ready: true, detail: this.election.isLeader ? 'leader' : 'standby' };
  }

  /** Brings pods to functions at the word of a gateway. */
  get waker(): Waker {
    return this.scaling.waker;
  }

  private async run(): Promise<void> {
    for (let failures = 1; !this.stopping.signal.aborted; failures += 1) {
      try {
        await this.prepare();
        return;
      } catch (error) {
        this.problem = error instanceof Error ? error.message : String(error);
        this.log[failures === 1 ? 'warn' : 'debug']({ err: error, cluster: this.client.cluster }, 'operator could not start yet');
        await this.pause(backoffMs(failures, { baseMs: 500, maxMs: 15_000 }));
      }
    }
  }

  private async prepare(): Promise<void> {
    const fieldManager = FIELD_MANAGER.operator;
    if (this.options.install ?? true) {
      await Promise.all([
        ensureCrd(this.client, fieldManager),
        this.client.apply(RESOURCE.namespace, { metadata: { name: SYSTEM_NAMESPACE, labels: { [LABEL.managedBy]: MANAGED_BY } } }, { fieldManager }),
      ]);
    }
    this.caches.start();
    this.scaling.start();
    this.routes?.start();
    await Promise.all([this.caches.synced(30_000), this.scaling.synced(30_000), this.routes?.synced(30_000)]);
    await this.pools.start();
    this.prePull.start();
    this.problem = undefined;
    if (this.stopping.signal.aborted) return;
    this.watch.attach();
    this.scaling.attach();
    this.routes?.attach();
    this.caches.functions.addHandlers({ onDelete: (fn) => this.metrics.unfollow(fn.spec.functionId) });
    this.election.start();
    this.log.info({ cluster: this.client.cluster, functions: this.caches.functions.list().length }, 'operator started');
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.stopping.signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.stopping.signal.addEventListener('abort', done, { once: true });
    });
  }
}
