import { LABEL } from '../../contract/names.js';
import { KAFKA_SECRET_KEYS, type FunctionResource } from '../../contract/function-resource.js';
import type { WakeRequest } from '../../contract/wake.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { HorizontalPodAutoscaler, KubernetesObject, Pod } from '../../platform/kubernetes/kubernetes-object.js';
import type { PodNetwork, PodPages } from '../../platform/kubernetes/pod-pages.js';
import { RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import type { FunctionCaches } from '../function/function.caches.js';
import { matchesSelector, onlyValue, type LabelSelector } from '../metrics-api/label-selector.policy.js';
import { MetricsApi } from '../metrics-api/metrics-api.js';
import type { OutboundRules } from '../../platform/outbound/outbound-url.policy.js';
import { AutoscalerCaches } from './autoscaler.caches.js';
import { brokerAccess } from '../../platform/kafka/broker-access.policy.js';
import { LagCollector } from './lag/lag-collector.js';
import { withLag } from './load-view.js';
import type { GatewayLoadSource } from './load/gateway-load.js';
import { answers, LoadCollector } from './load/load-collector.js';
import { OperatorWaker, type ClaimPod } from './operator-waker.js';
import type { ScaleInput } from './scale.policy.js';
import { watchScaling } from './scaling.watch.js';

/** What an installation says of scaling. */
export interface ScalingSettings {
  /** How pods' counters are reached. Default `auto`. */
  podNetwork?: PodNetwork;
  /** Of the cluster's gateways: they alone see requests that wait, and those to images without counters. */
  gateways?: readonly GatewayLoadSource[];
  /** Absent: autoscalers get no metrics from here. */
  metricsApi?: { listen: { host: string; port: number }; address: string } | undefined;
  /** Where brokers that tenants name may be; absent: in the internet alone. */
  brokers?: Pick<OutboundRules, 'allowed' | 'closed'>;
  /** How often brokers are asked; see {@link LagCollector}. */
  lagIntervalMs?: number;
  /** Takes pods of the warm pool; absent: functions start cold. */
  claim?: ClaimPod | undefined;
}

export interface ScalingOptions extends ScalingSettings {
  client: KubernetesClient;
  /** Reads pods' counters. Stays the caller's to close. */
  pages: PodPages;
  caches: FunctionCaches;
  /** Look at one namespace alone: for tests. */
  namespace?: string | undefined;
  /** Whether the operator may write rights. */
  install: boolean;
  enqueue: (key: string) => void;
}

/** What `decideScale` is told beside shares and ready pods. */
export type ScaleSignals = Pick<ScaleInput, 'replicas' | 'autoscalers' | 'load' | 'lag' | 'wokenAt' | 'claiming'>;

/** Name of the index by function of {@link FunctionCaches}. */
const BY_FUNCTION = 'function';

/** The operator's part that makes the number of pods follow the load: collects it, tells it to autoscalers, wakes functions. */
export class Scaling {
  /** For gateways in this process, and for the management port. */
  readonly waker: OperatorWaker;
  private readonly autoscalers: AutoscalerCaches;
  private readonly load: LoadCollector;
  private readonly lag: LagCollector;
  private readonly metricsApi: MetricsApi | undefined;
  private detach: (() => void) | undefined;
  private stopped = false;

  constructor(private readonly options: ScalingOptions) {
    const { client, caches, enqueue, claim, namespace, install, metricsApi, pages, gateways = [] } = options;
    this.autoscalers = new AutoscalerCaches(client, namespace ? { namespace } : {});
    this.load = new LoadCollector({
      functions: () => caches.functions.list(), podsOf: (fn) => this.podsOf(fn), readMetrics: (pod) => pages.read(pod, '/metrics'), gateways,
      onWaiting: ({ metadata }) => enqueue(`${metadata.namespace}/${metadata.name}`),
    });
    this.lag = new LagCollector({
      functions: () => caches.functions.list(), readSecret: (inside, name) => readSecret(client, inside, name), access: brokerAccess, rules: options.brokers ?? { allowed: [] },
      intervalMs: options.lagIntervalMs, onNews: ({ metadata }) => enqueue(`${metadata.namespace}/${metadata.name}`),
    });
    this.waker = new OperatorWaker({
      enqueue, claim, find: (request: WakeRequest) => caches.functions.get({ namespace: request.namespace, name: request.name }), hasReadyPod: (fn) => this.podsOf(fn).some(answers),
    });
    this.metricsApi = metricsApi && new MetricsApi({
      ...metricsApi, client, install, pods: (wanted, selector) => this.podsIn(wanted, selector), loadOf: (pod) => this.load.podLoad(pod), lagOf: (inside, functionId) => this.lag.scalingValue(inside, functionId),
    });
  }

  /** Begins to fill the cache of autoscalers. */
  start(): void {
    this.autoscalers.autoscalers.start();
  }

  synced(deadlineMs: number): Promise<void> {
    return this.autoscalers.autoscalers.synced(deadlineMs);
  }

  get isSynced(): boolean {
    return this.autoscalers.autoscalers.isSynced;
  }

  /** From now on changes bring their Functions into the queue. */
  attach(): void {
    this.detach ??= watchScaling(this.options.caches.functions, this.autoscalers.autoscalers, this.options.enqueue);
  }

  /** This process leads: it watches the load and serves autoscalers. */
  lead(): void {
    if (this.stopped) return;
    this.load.start();
    this.lag.start();
    this.metricsApi?.start();
  }

  /** Another process leads. */
  async standDown(): Promise<void> {
    await Promise.all([this.load.stop(), this.lag.stop(), this.metricsApi?.stop(true)]);
  }

  /** Call it before the lead is given back: what is registered must be gone by the time another registers itself. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.detach?.();
    await Promise.all([this.load.stop(), this.lag.stop(), this.metricsApi?.stop(false), this.waker.stop(), this.autoscalers.autoscalers.stop()]);
  }

  signalsFor(fn: FunctionResource): ScaleSignals {
    const { functionId } = fn.spec;
    const deployments = this.options.caches.deployments.byIndex(BY_FUNCTION, functionId).filter(({ metadata }) => metadata.namespace === fn.metadata.namespace);
    const lag = this.lag.view(fn);
    return {
      replicas: new Map(deployments.map(({ metadata, spec }) => [Number(metadata.labels?.[LABEL.revision]), spec?.replicas ?? 1])),
      autoscalers: this.autoscalers.observe(fn),
      load: withLag(this.load.view(fn), lag),
      lag,
      wokenAt: this.waker.wokenAt(functionId),
      claiming: this.waker.isClaiming(functionId),
    };
  }

  /** Takes the answer of an own write into the cache. */
  adopt(type: ResourceType, written: KubernetesObject): void {
    if (type === RESOURCE.horizontalPodAutoscaler) this.autoscalers.autoscalers.adopt(written as HorizontalPodAutoscaler);
  }

  private podsOf(fn: FunctionResource): Pod[] {
    return this.options.caches.pods.byIndex(BY_FUNCTION, fn.spec.functionId).filter(({ metadata }) => metadata.namespace === fn.metadata.namespace);
  }

  /** Autoscalers select by their Deployment's labels, which name the function. */
  private podsIn(namespace: string, selector: LabelSelector): Pod[] {
    const { pods } = this.options.caches;
    const functionId = onlyValue(selector, LABEL.functionId);
    const candidates = functionId === undefined ? pods.list() : pods.byIndex(BY_FUNCTION, functionId);
    return candidates.filter(({ metadata }) => metadata.namespace === namespace && matchesSelector(selector, metadata.labels));
  }
}

interface StoredSecret extends KubernetesObject {
  /** Base64. */
  data?: Record<string, string>;
}

/** Only what is for brokers, whatever else is in it. */
async function readSecret(client: KubernetesClient, namespace: string, name: string): Promise<Record<string, string>> {
  const { data = {} } = await client.get<StoredSecret>(RESOURCE.secret, { namespace, name });
  return Object.fromEntries(KAFKA_SECRET_KEYS.flatMap((key) => (data[key] === undefined ? [] : [[key, Buffer.from(data[key], 'base64').toString('utf8')]])));
}
