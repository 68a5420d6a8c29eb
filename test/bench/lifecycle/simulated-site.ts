import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { SecondCluster } from '../../../deploy/local/cluster/second.ts';
import type { RevisionSpec } from '../../../src/contract/function-resource.js';
import { BareCluster, type ClusterObject } from '../harness/bare-cluster.ts';
import type { BenchKeys } from '../harness/bench-keys.ts';
import { compiled } from '../harness/compiled.ts';
import { groundOf } from '../harness/ground.ts';
import { cpuMs } from '../harness/machine.ts';
import { Platform } from '../harness/platform-process.ts';
import { inParallel, until } from '../harness/until.ts';

const IMAGE = `registry.example/bench/app@sha256:${'a'.repeat(64)}`;
const DEPLOYED_WITHIN_MS = 60_000;
const ELECTED_WITHIN_MS = 30_000;
const PASSED_WITHIN_MS = 120_000;
const MADE_AT_ONCE = 24;
const FUNCTIONS = '/apis/fnplane.dev/v1/functions';
/** All that an operator makes. */
const KINDS = [FUNCTIONS, '/apis/apps/v1/deployments', '/api/v1/services', '/apis/networking.k8s.io/v1/networkpolicies', '/apis/autoscaling/v2/horizontalpodautoscalers', '/api/v1/pods'];

export interface SiteOptions {
  name: string;
  folder: string;
  nodes: number;
  keys: BenchKeys;
  profile: string | undefined;
  signal: AbortSignal;
}

interface SimulatedFunction {
  name: string;
  namespace: string;
  id: string;
  tenantId: string;
  target: number;
}

/** A control plane with simulated nodes, and an operator in a process of its own. Functions are put there as the worker does it, without a platform above. */
export class SimulatedSite {
  readonly cluster: BareCluster;
  readonly functions: SimulatedFunction[] = [];
  readonly #options: SiteOptions;
  readonly #control: SecondCluster;
  #operator: Platform | undefined;

  private constructor(options: SiteOptions, control: SecondCluster, cluster: BareCluster) {
    this.#options = options;
    this.#control = control;
    this.cluster = cluster;
  }

  static async start(options: SiteOptions): Promise<SimulatedSite> {
    const control = await SecondCluster.start({ data: join(options.folder, options.name), nodes: options.nodes, signal: options.signal });
    return new SimulatedSite(options, control, await BareCluster.open(control.kubeconfigFile));
  }

  get operator(): Platform {
    if (!this.#operator) throw new Error('no operator runs');
    return this.#operator;
  }

  /** A new operator, which leads. @returns its CPU time, from nothing until it has passed over every function there is */
  async startOperator(): Promise<number> {
    const { name, folder, keys, profile } = this.#options;
    const logs = join(folder, `${name}-operator-${randomUUID()}`);
    mkdirSync(logs, { recursive: true });
    this.#operator = await Platform.start({ ground: groundOf(this.#control.kubeconfigFile), keys, folder: logs, roles: 'operator', ...(profile ? { profile } : {}) });
    const { log } = this.#operator;
    await this.#until(`an operator that leads (${log})`, () => Promise.resolve(this.operator.logText().includes('"elected"') ? undefined : 'another leads'), ELECTED_WITHIN_MS);
    await this.passed(this.functions.length);
    return cpuMs(this.operator.pid);
  }

  async stopOperator(): Promise<void> {
    await this.#operator?.stop();
    this.#operator = undefined;
  }

  async stop(): Promise<void> {
    await this.stopOperator();
    await this.cluster.close();
    await this.#control.stop();
  }

  /** Functions of one pod each, over tenants' namespaces; resolves when all are Ready. */
  async make(count: number, tenants: number): Promise<void> {
    const { tenantNamespace, FUNCTION_SERVICE_ACCOUNT } = await compiled<typeof import('../../../src/contract/names.js')>('contract/names.js');
    const ids = Array.from({ length: tenants }, () => randomUUID());
    for (const id of ids) {
      const namespace = tenantNamespace(id);
      await this.cluster.apply(`/api/v1/namespaces/${namespace}`, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { 'fnplane.dev/tenant-id': id } } });
      await this.cluster.apply(`/api/v1/namespaces/${namespace}/serviceaccounts/${FUNCTION_SERVICE_ACCOUNT}`, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: FUNCTION_SERVICE_ACCOUNT, namespace } });
    }
    const made = Array.from({ length: count }, (_, index): SimulatedFunction => ({
      name: `fn-${index}`, namespace: tenantNamespace(ids[index % tenants]!), tenantId: ids[index % tenants]!, id: randomUUID(), target: 0,
    }));
    await inParallel(made, MADE_AT_ONCE, async (fn) => {
      this.#options.signal.throwIfAborted();
      await this.#apply(fn);
    });
    this.functions.push(...made);
    await this.#until(`${count} functions that are Ready`, async () => {
      const ready = (await this.cluster.list(FUNCTIONS, '')).filter((fn) => isReady(fn, 1)).length;
      return ready === this.functions.length ? undefined : `${ready} are`;
    }, 600_000, 1_000);
  }

  /** The next revision of one function. @returns milliseconds from the request until it is Ready with it */
  async deploy(fn: SimulatedFunction): Promise<number> {
    const path = pathOf(fn);
    const done = new AbortController();
    const seen = new Promise<void>((resolve) => {
      void this.cluster.watch(`/apis/fnplane.dev/v1/namespaces/${fn.namespace}/functions?fieldSelector=metadata.name=${fn.name}`, done.signal, (object) => {
        if (isReady(object, fn.target)) resolve();
      });
    });
    const begun = performance.now();
    await this.#apply(fn);
    const late = AbortSignal.any([AbortSignal.timeout(DEPLOYED_WITHIN_MS), this.#options.signal]);
    await Promise.race([seen, new Promise<never>((_, reject) => { late.addEventListener('abort', () => reject(new Error(`${path} was not Ready within ${DEPLOYED_WITHIN_MS / 1_000} s`)), { once: true }); })]);
    done.abort();
    return performance.now() - begun;
  }

  /** Runs of the operator's loop until now. */
  runs(): Promise<number> {
    return this.operator.counter('fnplane_queue_work_duration_seconds_count', (labels) => labels.includes('queue="operator-'));
  }

  /** Requests of the operator that change something, leases left out. */
  operatorWrites(): Promise<number> {
    return this.operator.counter('fnplane_kubernetes_requests_total', (labels) => /verb="(apply|patch|create|replace|delete)"/.test(labels) && !labels.includes('resource="leases"'));
  }

  /** Resolves when the operator's loop has run so often and has nothing to do. */
  passed(runs: number): Promise<void> {
    return this.#until(`${runs} runs of the operator`, async () => {
      const [done, depth] = [await this.runs(), await this.operator.counter('fnplane_queue_depth', (labels) => labels.includes('queue="operator-'))];
      return done >= runs && depth === 0 ? undefined : `${done} ran, ${depth} wait`;
    }, PASSED_WITHIN_MS, 250);
  }

  /** Has the leader pass over everything once more, as after an election that it lost and won. */
  async resync(): Promise<void> {
    const before = await this.runs();
    const path = '/apis/coordination.k8s.io/v1/namespaces/fnplane-system/leases/fnplane-operator';
    await this.cluster.apply(path, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'fnplane-operator', namespace: 'fnplane-system' }, spec: { holderIdentity: 'bench', leaseDurationSeconds: 1 } });
    await this.passed(before + this.functions.length);
  }

  /** Version of everything that an operator makes, by UID. */
  async versions(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const kind of KINDS) {
      for (const { metadata } of await this.cluster.list(kind, '')) found.set(metadata.uid!, (metadata as { resourceVersion?: string }).resourceVersion!);
    }
    return found;
  }

  async #apply(fn: SimulatedFunction): Promise<void> {
    fn.target += 1;
    const numbers = [fn.target - 1, fn.target].filter((number) => number > 0);
    await this.cluster.apply(pathOf(fn), {
      apiVersion: 'fnplane.dev/v1', kind: 'Function', metadata: { name: fn.name, namespace: fn.namespace },
      spec: {
        functionId: fn.id, tenant: 'bench', tenantId: fn.tenantId, platformGeneration: fn.target, target: fn.target, revisions: numbers.map(revisionOf),
        scaling: { min: 1, max: 1 }, authentication: 'required', suspension: 'none',
      },
    });
  }

  async #until(what: string, missing: () => Promise<string | undefined>, withinMs: number, everyMs = 50): Promise<void> {
    await until(what, async () => {
      const seen = await missing();
      return seen === undefined ? { found: true } : { seen };
    }, { withinMs, everyMs, signal: this.#options.signal });
  }
}

function pathOf({ namespace, name }: SimulatedFunction): string {
  return `/apis/fnplane.dev/v1/namespaces/${namespace}/functions/${name}`;
}

function revisionOf(number: number): RevisionSpec {
  return {
    number, image: IMAGE, runtime: 'image', handler: 'handler.handle', metering: 'gateway', timeoutSeconds: 10, concurrency: 0,
    resources: { cpuMillis: 50, memoryMb: 64, ephemeralStorageMb: 32 },
  };
}

function isReady({ status }: ClusterObject, target: number): boolean {
  const { conditions = [], servingRevision } = (status ?? {}) as { conditions?: { type: string; status: string }[]; servingRevision?: number };
  return servingRevision === target && conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
}
