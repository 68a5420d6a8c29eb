import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { FunctionResource } from '../../contract/function-resource.js';
import { FIELD_MANAGER, LABEL, revisionName } from '../../contract/names.js';
import { POOL_LABEL, type PoolRuntime, type PoolRuntimeSpec, type WarmPoolResource } from '../../contract/pool-resource.js';
import { needsApply } from '../../platform/kubernetes/drift.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { isConflict, isNotFound, isRefused } from '../../platform/kubernetes/kubernetes-errors.js';
import { objectKey, parseObjectKey, type NetworkPolicy, type Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import type { WorkOutcome } from '../../platform/kubernetes/work-queue.js';
import { partLogger } from '../../platform/observability/logger.js';
import { buildPoolNetworkPolicy, buildPoolPod } from './manifests/pool-pod.js';
import type { FunctionViews, PoolCaches } from './pool.caches.js';
import { planPool, type ObservedPool, type PoolPlan, type Refusal } from './pool.plan.js';
import { buildPoolStatus, IDLE_STEP_MS, isNews } from './pool-status.plan.js';
import type { PoolDemand } from './pool-demand.js';
import type { PoolTokens } from './pool-tokens.js';

const MANAGER = { fieldManager: FIELD_MANAGER.operator };
const CALL_MS = 10_000;
/** What was refused (a quota that is used up) is tried again so late: its change wakes nobody. */
const REFUSED_MS = 15_000;

export interface PoolReconcilerParts {
  client: KubernetesClient;
  caches: PoolCaches;
  views: FunctionViews;
  demand: PoolDemand;
  tokens: PoolTokens;
}

/** Keeps one tenant's pool as it should be: pods made ahead of demand, those of no use removed, and what it came to in its status. */
export class PoolReconciler {
  private readonly log: Logger = partLogger('pool');
  /** The API server's words about the last pod of a pool and runtime that it refused. */
  private readonly refusals = new Map<string, Refusal>();

  constructor(private readonly parts: PoolReconcilerParts) {}

  async reconcile(key: string): Promise<WorkOutcome | void> {
    const { namespace = '' } = parseObjectKey(key);
    const pool = this.parts.caches.pool(namespace);
    if (!pool || pool.metadata.deletionTimestamp) {
      this.forget(namespace);
      return undefined;
    }
    await this.applyPolicy(pool);
    const plan = planPool(pool, this.observe(pool), Date.now());
    await this.remove(plan);
    const refused = await this.create(pool, plan);
    const observed = this.observe(pool);
    await this.writeStatus(pool, observed);
    const waits = observed.pods.some((pod) => pod.metadata.labels?.[POOL_LABEL] === 'waiting');
    const again = Math.min(refused ? REFUSED_MS : Number.POSITIVE_INFINITY, waits ? IDLE_STEP_MS : Number.POSITIVE_INFINITY, plan.againAfterMs ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(again) ? { againAfterMs: again } : undefined;
  }

  private observe(pool: WarmPoolResource): ObservedPool {
    const { caches, views, demand } = this.parts;
    const { namespace } = pool.metadata;
    const pods = caches.podsOf(namespace);
    return {
      pods,
      functionOf: (functionId) => {
        const name = pods.find((pod) => pod.metadata.labels?.[LABEL.functionId] === functionId)?.metadata.labels?.[LABEL.function];
        const fn = name === undefined ? undefined : views.functions.get({ namespace, name });
        return fn?.spec.functionId === functionId ? fn : undefined;
      },
      deploymentOf: (fn: FunctionResource, revision) => views.deployments.get({ namespace, name: revisionName(fn.metadata.name, revision) }),
      claimsOf: (runtime) => demand.of(namespace, runtime),
      refusalOf: (runtime) => this.refusals.get(`${namespace}/${runtime}`),
    };
  }

  private async applyPolicy(pool: WarmPoolResource): Promise<void> {
    const { client, caches } = this.parts;
    const policy = buildPoolNetworkPolicy(pool);
    if (needsApply(policy, caches.policies.get(objectKey(policy)))) caches.policies.adopt(await client.apply<NetworkPolicy>(RESOURCE.networkPolicy, policy, { ...MANAGER, timeoutMs: CALL_MS }));
  }

  private async remove(plan: PoolPlan): Promise<void> {
    await Promise.all(plan.removals.map(async ({ pod, why }) => {
      const { namespace, name, uid, resourceVersion } = pod.metadata;
      this.log.debug({ pod: objectKey(pod), why }, 'a pod of the pool is removed');
      // The version is proof that nobody claimed it meanwhile.
      await this.parts.client.delete(RESOURCE.pod, { namespace, name }, { uid, resourceVersion, timeoutMs: CALL_MS }).catch((error: unknown) => {
        if (!isConflict(error)) throw error;
      });
    }));
  }

  /** @returns whether the API server refused one. */
  private async create(pool: WarmPoolResource, plan: PoolPlan): Promise<boolean> {
    const { tokens, caches } = this.parts;
    const { namespace } = pool.metadata;
    const wanted = plan.creations.flatMap(({ entry, count }) => Array.from({ length: count }, () => ({ entry, name: podName(entry) })));
    const present = new Set(caches.podsOf(namespace).filter((pod) => !pod.metadata.labels?.[LABEL.functionId]).map((pod) => pod.metadata.name));
    if (wanted.length > 0) {
      if (tokens.names(namespace).length === 0) await tokens.refresh(namespace);
      await tokens.change(pool, wanted.map(({ name }) => name), tokens.names(namespace).filter((name) => !present.has(name)));
    }
    const outcomes = await Promise.all(wanted.map(({ entry, name }) => this.createOne(pool, entry, name)));
    return outcomes.includes('refused');
  }

  private async createOne(pool: WarmPoolResource, entry: PoolRuntimeSpec, name: string): Promise<'made' | 'refused'> {
    const { client, caches } = this.parts;
    const key = `${pool.metadata.namespace}/${entry.runtime}`;
    try {
      caches.pods.adopt(await client.create<Pod>(RESOURCE.pod, buildPoolPod(pool, entry, name), { ...MANAGER, timeoutMs: CALL_MS }));
      this.refusals.delete(key);
      return 'made';
    } catch (error) {
      if (!isRefused(error)) throw error;
      this.refusals.set(key, refusalOf(error.message, this.refusals.get(key)));
      return 'refused';
    }
  }

  private async writeStatus(pool: WarmPoolResource, observed: ObservedPool): Promise<void> {
    const now = Date.now();
    const status = buildPoolStatus(pool, planPool(pool, observed, now), observed, now);
    if (!isNews(pool.status, status)) return;
    const { namespace, name } = pool.metadata;
    try {
      const written = await this.parts.client.patchStatus<WarmPoolResource>(RESOURCE.warmPool, { namespace, name }, status, { ...MANAGER, timeoutMs: CALL_MS });
      this.parts.caches.pools.adopt(written);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  private forget(namespace: string): void {
    this.parts.demand.forget(namespace);
    this.parts.tokens.forget(namespace);
    for (const key of this.refusals.keys()) if (key.startsWith(`${namespace}/`)) this.refusals.delete(key);
  }
}

function podName({ runtime }: { runtime: PoolRuntime }): string {
  return `pool-${runtime}-${randomBytes(6).toString('hex')}`;
}

/** The API server's sentence, after a word of what it means. The same words again are the same refusal. */
function refusalOf(message: string, before: Refusal | undefined): Refusal {
  const quota = /exceeded quota: ([^,]+), requested: (.+?), used: (.+?), limited: (.+)$/.exec(message);
  const words = quota ? `The tenant's quota has no room for another pod of the pool: requested ${quota[2]}, used ${quota[3]}, allowed ${quota[4]}.` : `The cluster refused a pod of the pool: ${message}`;
  return before?.message === words ? before : { at: new Date().toISOString(), message: words, quota: quota !== null };
}
