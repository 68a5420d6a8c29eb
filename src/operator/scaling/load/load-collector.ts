import type { Logger } from 'pino';
import type { FunctionResource } from '../../../contract/function-resource.js';
import { LABEL } from '../../../contract/names.js';
import { objectKey, type Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import { partLogger } from '../../../platform/observability/logger.js';
import { autoscaledMetric } from '../capacity.policy.js';
import type { FunctionLoadView, PodLoad } from '../load-view.js';
import { FRESH_MS, FunctionLoadRecord, type PodRoster } from './function-load.js';
import type { GatewayLoadSource } from './gateway-load.js';
import { parsePodLoad } from './pod-load.policy.js';

export interface LoadCollectorOptions {
  /** Every Function of the cluster, from a cache. */
  functions: () => readonly FunctionResource[];
  /** Its pods, from a cache. */
  podsOf: (fn: FunctionResource) => readonly Pod[];
  /** A pod's `/metrics` as text; undefined when it does not answer. */
  readMetrics: (pod: Pod) => Promise<string | undefined>;
  gateways: readonly GatewayLoadSource[];
  /** A function that sleeps has requests that wait. */
  onWaiting: (fn: FunctionResource) => void;
  /** Default 2,000. A round that takes longer is followed by the next one at once. */
  intervalMs?: number;
  /** Pods asked at once; default 32. */
  concurrency?: number;
  now?: () => number;
}

interface GatewayState {
  heardAt: number;
  failures: number;
}

/**
 * Looks at the load of the functions whose number of pods follows it, every few seconds: at their pods' counters and at what gateways
 * report. The others cost nothing. Keeps a few samples a pod, of functions that exist.
 */
export class LoadCollector {
  private readonly log: Logger = partLogger('operator');
  private readonly now: () => number;
  private readonly records = new Map<string, FunctionLoadRecord>();
  private readonly gateways: GatewayState[];
  private readonly inFlight = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> | undefined;
  private running = false;

  constructor(private readonly options: LoadCollectorOptions) {
    this.now = options.now ?? Date.now;
    this.gateways = options.gateways.map(() => ({ heardAt: 0, failures: 0 }));
  }

  /** Idempotent. */
  start(): void {
    if (this.running) return;
    this.running = true;
    this.schedule(0);
  }

  /** Ends the rounds and forgets what was seen: whoever starts again knows of no silence before. */
  async stop(): Promise<void> {
    this.running = false;
    clearTimeout(this.timer);
    await this.round;
    this.records.clear();
  }

  /** Undefined for a function whose load is not looked at. What is asked for before its first round is new, and nothing is known of it. */
  view(fn: FunctionResource): FunctionLoadView | undefined {
    if (this.running && isLookedAt(fn)) this.recordOf(fn.spec.functionId);
    return this.records.get(fn.spec.functionId)?.view(this.now(), this.gatewaysHeard());
  }

  /** Undefined while nothing certain is known of it. */
  podLoad(pod: Pod): PodLoad | undefined {
    return this.records.get(pod.metadata.labels?.[LABEL.functionId] ?? '')?.pod(objectKey(pod), this.now());
  }

  /** One round; {@link start} runs them one after the other. */
  async collect(): Promise<void> {
    const functions = new Map(this.options.functions().filter(isLookedAt).map((fn) => [fn.spec.functionId, fn]));
    for (const id of this.records.keys()) if (!functions.has(id)) this.records.delete(id);
    for (const id of functions.keys()) this.recordOf(id);
    await Promise.all([this.collectGateways(functions), this.collectPods(functions.values())]);
  }

  private recordOf(functionId: string): FunctionLoadRecord {
    const record = this.records.get(functionId) ?? new FunctionLoadRecord(this.now());
    this.records.set(functionId, record);
    return record;
  }

  private schedule(delayMs: number): void {
    if (!this.running) return;
    this.timer = setTimeout(() => {
      const began = performance.now();
      this.round = this.collect().catch((error: unknown) => this.log.error({ err: error }, 'a round of looking at the load failed'))
        .finally(() => this.schedule(Math.max(0, (this.options.intervalMs ?? 2_000) - (performance.now() - began))));
    }, delayMs);
  }

  private async collectGateways(functions: ReadonlyMap<string, FunctionResource>): Promise<void> {
    await Promise.all(this.options.gateways.map((source, index) => this.collectGateway(source, index, functions)));
    for (const [id, fn] of functions) {
      if (fn.status?.scale?.active === false && (this.records.get(id)?.waiting ?? 0) > 0) this.options.onWaiting(fn);
    }
  }

  private async collectGateway(source: GatewayLoadSource, index: number, functions: ReadonlyMap<string, FunctionResource>): Promise<void> {
    const state = this.gateways[index]!;
    try {
      const { instance, functions: loads } = await source();
      const byId = new Map(loads.map((load) => [load.functionId, load]));
      state.heardAt = this.now();
      state.failures = 0;
      for (const id of functions.keys()) {
        const load = byId.get(id);
        if (load) this.records.get(id)?.addGateway(index, instance, load, state.heardAt);
        else this.records.get(id)?.forgetGateway(index);
      }
    } catch (error) {
      state.failures += 1;
      // Its word from before counts for a moment: one answer that was lost must not look like silence.
      if (this.now() - state.heardAt > FRESH_MS) for (const record of this.records.values()) record.forgetGateway(index);
      this.log[state.failures === 3 ? 'warn' : 'debug']({ err: error, failures: state.failures }, 'a gateway does not report its load; functions that only it sees will not be stopped');
    }
  }

  private async collectPods(functions: Iterable<FunctionResource>): Promise<void> {
    for (const fn of functions) {
      const record = this.records.get(fn.spec.functionId);
      const { roster, pods } = rosterOf(fn, this.options.podsOf(fn));
      record?.setRoster(roster);
      for (const pod of pods) {
        const asked = this.collectPod(record, pod).finally(() => this.inFlight.delete(asked));
        this.inFlight.add(asked);
        if (this.inFlight.size >= (this.options.concurrency ?? 32)) await Promise.race(this.inFlight);
      }
    }
    await Promise.all(this.inFlight);
  }

  private async collectPod(record: FunctionLoadRecord | undefined, pod: Pod): Promise<void> {
    const text = await this.options.readMetrics(pod).catch(() => undefined);
    const load = text === undefined ? null : parsePodLoad(text);
    if (load) record?.addPod(objectKey(pod), load, this.now());
  }

  private gatewaysHeard(): boolean | undefined {
    if (this.gateways.length === 0) return undefined;
    return this.gateways.every(({ heardAt }) => this.now() - heardAt <= FRESH_MS);
  }
}

/** Functions whose pods follow their load: from one to many, or to nothing and back. */
function isLookedAt({ spec, metadata }: FunctionResource): boolean {
  if (spec.suspension === 'compute' || metadata.deletionTimestamp !== undefined) return false;
  const metric = autoscaledMetric(spec.scaling);
  return spec.scaling.min === 0 || metric === 'requests' || metric === 'concurrency';
}

/** Whether a pod is ready and stays. */
export function answers({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && (status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false);
}

function rosterOf(fn: FunctionResource, all: readonly Pod[]): { roster: PodRoster; pods: Pod[] } {
  const silent = new Set(fn.spec.revisions.filter(({ metering }) => metering === 'gateway').map(({ number }) => String(number)));
  const ready = all.filter(answers);
  const isSilent = (pod: Pod): boolean => silent.has(pod.metadata.labels?.[LABEL.revision] ?? '');
  const pods = ready.filter((pod) => !isSilent(pod));
  return { roster: { scraped: pods.map(objectKey), unscraped: ready.filter(isSilent).map(objectKey) }, pods };
}
