import type { Logger } from 'pino';
import type { FunctionResource } from '../../contract/function-resource.js';
import { FIELD_MANAGER, FUNCTION_PORT } from '../../contract/names.js';
import { SPECIALIZATION_LIMITS, type PoolRuntimeSpec } from '../../contract/pool-resource.js';
import type { WakeAnswer } from '../../contract/wake.js';
import { backoffMs } from '../../platform/kubernetes/backoff.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { isConflict, isNotFound } from '../../platform/kubernetes/kubernetes-errors.js';
import { objectKey, type Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { partLogger } from '../../platform/observability/logger.js';
import { canTakeOn, mayStartWarm, revisionToWake, type WarmRevision } from './claim.policy.js';
import type { CodeLayers } from './code-layers.js';
import { buildClaimPatch, buildServingPatch } from './manifests/claim-patches.js';
import type { PodResizer } from './pod-resizer.js';
import type { Specializer } from './pod-specializer.js';
import type { PoolCaches } from './pool.caches.js';
import { poolClaims, poolClaimSeconds } from './pool.metrics.js';
import { isClaimable, runtimeOf } from './pool.plan.js';
import type { PoolDemand } from './pool-demand.js';
import type { PoolTokens } from './pool-tokens.js';
import type { RevisionEnvironments } from './revision-environment.js';
import { buildSpecialization } from './specialization.js';

const CALL_MS = 3_000;
/** A function that imports for longer starts no sooner warm than cold. */
const SPECIALIZE_MS = 15_000;
const SERVING_ATTEMPTS = 5;
const MANAGER = { fieldManager: FIELD_MANAGER.operator };

export interface ClaimParts {
  client: KubernetesClient;
  caches: PoolCaches;
  code: CodeLayers;
  environments: RevisionEnvironments;
  tokens: PoolTokens;
  resizer: PodResizer;
  specializer: Specializer;
  demand: PoolDemand;
}

/** All that a start takes, beside the pod. */
interface Prepared {
  revision: WarmRevision;
  body: Buffer;
}

/** Cold starts out of the warm pool: claim, specialize, resize, and answer before anything else is done. */
export class PoolClaims {
  private readonly log: Logger = partLogger('pool');
  /** Pods that a claim of this process is about to take: its claims never meet. */
  private readonly taking = new Set<string>();
  private readonly after = new Set<Promise<void>>();
  private readonly stopping = new AbortController();

  constructor(private readonly parts: ClaimParts) {}

  /**
   * A pod that serves the function from now on, or undefined where it has to start cold: its tenant has no pool of the runtime or no pod that is ready,
   * it cannot start warm, or a step failed. Never rejects. Any number of operators may claim at once.
   */
  async claim(fn: FunctionResource, signal: AbortSignal): Promise<WakeAnswer | undefined> {
    const revision = revisionToWake(fn);
    const entry = revision && this.entryOf(fn, revision.runtime);
    if (!revision || !entry) return undefined;
    const started = performance.now();
    const outcome = (name: string): undefined => void poolClaims.inc({ runtime: entry.runtime, outcome: name });
    try {
      if (!mayStartWarm(fn, revision)) return outcome('unfit');
      const prepared = await this.prepare(fn, revision, entry);
      if (!prepared) return outcome('unfit');
      observe(entry, 'prepare', started);
      const answer = await this.takeOne(fn, entry, prepared, signal);
      if (answer) observe(entry, 'whole', started);
      outcome(answer ? 'warm' : 'empty');
      return answer;
    } catch (error) {
      this.log.info({ err: error, function: objectKey(fn) }, 'a warm start failed; the function starts cold');
      return outcome('failed');
    }
  }

  /** Reads ahead what a claim of the function will need. Never rejects. */
  async prefetch(fn: FunctionResource): Promise<void> {
    const revision = revisionToWake(fn);
    const entry = revision && this.entryOf(fn, revision.runtime);
    if (!revision || !entry || !mayStartWarm(fn, revision)) return;
    await this.prepare(fn, revision, entry).catch((error: unknown) => this.log.debug({ err: error, function: objectKey(fn) }, 'not read ahead'));
  }

  /** Waits for what goes on after answers. */
  async settle(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.after);
  }

  private entryOf(fn: FunctionResource, runtime: string): PoolRuntimeSpec | undefined {
    const pool = this.parts.caches.pool(fn.metadata.namespace);
    // Pods are never shared: a pool in this namespace that says it is another tenant's is nobody's.
    if (!pool || pool.metadata.deletionTimestamp || pool.spec.tenantId !== fn.spec.tenantId) return undefined;
    return pool.spec.runtimes.find((one) => one.runtime === runtime);
  }

  private async prepare(fn: FunctionResource, revision: WarmRevision, entry: PoolRuntimeSpec): Promise<Prepared | undefined> {
    const limit = SPECIALIZATION_LIMITS[revision.runtime];
    const [code, environment] = await Promise.all([
      this.parts.code.get(revision.image, entry.image, limit), this.parts.environments.of(fn.metadata.namespace, revision),
    ]);
    if (!code || !canTakeOn(environment.variables, revision.runtime)) return undefined;
    const body = buildSpecialization(fn, revision, environment, code);
    return body.length > limit ? undefined : { revision, body };
  }

  /** One pod after the other until one is ours. */
  private async takeOne(fn: FunctionResource, entry: PoolRuntimeSpec, prepared: Prepared, signal: AbortSignal): Promise<WakeAnswer | undefined> {
    const lost = new Set<string>();
    for (;;) {
      signal.throwIfAborted();
      const pod = this.next(fn, entry, lost);
      if (!pod) {
        this.parts.demand.record(fn.metadata.namespace, entry.runtime);
        return undefined;
      }
      const key = objectKey(pod);
      this.taking.add(key);
      try {
        const started = performance.now();
        const claimed = await this.take(pod, fn, signal);
        observe(entry, 'claim', started);
        if (claimed) return await this.specialize(claimed, fn, entry, prepared, signal);
        lost.add(key);
      } finally {
        this.taking.delete(key);
      }
    }
  }

  /** The one that waits for longest. */
  private next(fn: FunctionResource, { runtime }: PoolRuntimeSpec, lost: ReadonlySet<string>): Pod | undefined {
    return this.parts.caches.podsOf(fn.metadata.namespace)
      .filter((pod) => runtimeOf(pod) === runtime && isClaimable(pod) && !this.taking.has(objectKey(pod)) && !lost.has(objectKey(pod)))
      .sort((a, b) => (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''))[0];
  }

  /** @returns the pod as it is after the claim; undefined when somebody else was first. */
  private async take(pod: Pod, fn: FunctionResource, signal: AbortSignal): Promise<Pod | undefined> {
    const { client, caches } = this.parts;
    const { namespace, name } = pod.metadata;
    let seen = pod;
    for (let attempt = 0; attempt < 3 && isClaimable(seen); attempt += 1) {
      try {
        const claimed = await client.patch<Pod>(RESOURCE.pod, { namespace, name }, buildClaimPatch(seen, fn, Date.now()), { ...MANAGER, timeoutMs: CALL_MS, signal });
        caches.pods.adopt(claimed);
        return claimed;
      } catch (error) {
        if (isNotFound(error)) break;
        if (!isConflict(error)) throw error;
        // Claimed by another, or changed by the kubelet alone: it says which.
        const now = await client.find<Pod>(RESOURCE.pod, { namespace, name }, { timeoutMs: CALL_MS, signal });
        if (!now) break;
        caches.pods.adopt(now);
        seen = now;
      }
    }
    return undefined;
  }

  private async specialize(pod: Pod, fn: FunctionResource, entry: PoolRuntimeSpec, { revision, body }: Prepared, signal: AbortSignal): Promise<WakeAnswer> {
    const { tokens, specializer, resizer } = this.parts;
    const { namespace = '', name } = pod.metadata;
    const address = pod.status?.podIP ?? '';
    const deadline = AbortSignal.any([signal, this.stopping.signal, AbortSignal.timeout(SPECIALIZE_MS)]);
    const started = performance.now();
    // Beside each other: the kubelet works on the size while the code is loaded within the pool's own, smaller or larger, bounds.
    const resized = resizer.request(pod, revision, deadline);
    resized.catch(() => undefined);
    try {
      const token = await tokens.of(namespace, name);
      if (!token || !address) throw new Error('the pod has no token or address any more');
      await Promise.all([specializer.specialize(address, token, body, deadline), resized]);
    } catch (error) {
      this.later(() => this.remove(pod));
      throw error;
    }
    observe(entry, 'specialize', started);
    this.later(() => this.serve(pod, fn, entry, revision));
    return { pod: name, address, port: FUNCTION_PORT, revision: revision.number };
  }

  /** After the answer: into the Service, and a look whether the node gave it its size. One that has it not is not what its owner ordered. */
  private async serve(pod: Pod, fn: FunctionResource, entry: PoolRuntimeSpec, revision: WarmRevision): Promise<void> {
    const started = performance.now();
    await this.label(pod, fn, revision);
    try {
      await this.parts.resizer.applied(pod, revision, this.stopping.signal);
      observe(entry, 'resize', started);
    } catch (error) {
      if (this.stopping.signal.aborted) return;
      this.log.warn({ err: error, pod: objectKey(pod) }, 'a warm pod did not get its size: it is removed');
      await this.remove(pod);
    }
  }

  private async label(pod: Pod, fn: FunctionResource, revision: WarmRevision): Promise<void> {
    const { client, caches } = this.parts;
    const { namespace, name } = pod.metadata;
    for (let attempt = 1; ; attempt += 1) {
      try {
        caches.pods.adopt(await client.patch<Pod>(RESOURCE.pod, { namespace, name }, buildServingPatch(pod, fn, revision, Date.now()), { ...MANAGER, timeoutMs: CALL_MS }));
        return;
      } catch (error) {
        if (isNotFound(error) || attempt >= SERVING_ATTEMPTS) throw error;
        await new Promise((resolve) => { setTimeout(resolve, backoffMs(attempt, { baseMs: 100, maxMs: 2_000 })); });
      }
    }
  }

  private async remove(pod: Pod): Promise<void> {
    const { namespace, name, uid } = pod.metadata;
    await this.parts.client.delete(RESOURCE.pod, { namespace, name }, { uid, timeoutMs: CALL_MS });
  }

  private later(work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => this.log.warn({ err: error }, 'work after a warm start failed; the operator cleans up after it'))
      .finally(() => this.after.delete(running));
    this.after.add(running);
  }
}

function observe({ runtime }: PoolRuntimeSpec, step: string, since: number): void {
  poolClaimSeconds.observe({ runtime, step }, (performance.now() - since) / 1_000);
}
