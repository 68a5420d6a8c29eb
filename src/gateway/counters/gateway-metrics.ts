import type { Metric, Registry } from 'prom-client';
import type { RefusalCode } from '../refusals.policy.js';
import { DurationHistogram } from './duration-histogram.js';
import { CODE_CLASSES, DURATION_BUCKETS_MS, FunctionCounters, START_KINDS, type StartKind } from './function-counters.js';
import { ScrapedMetric, type Sample } from './scraped-metric.js';

/** What is read at a scrape and not counted here. */
export interface GatewayState {
  inFlight(): number;
  waiting(): number;
  functions(): number;
}

const OTHER = '_other';
const OF_FUNCTION = ['tenant', 'function'] as const;
const COLD_START_BUCKETS_MS = [50, 100, 250, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000];
const WAIT_BUCKETS_MS = [5, 25, 100, 250, 1000, 2500, 10_000, 30_000];

/**
 * The gateway's numbers. Series that name a function are bounded: the first ones to be used have their own, later ones are
 * summed under `_other` for good. No sum ever falls, and none jumps when a function comes or goes.
 */
export class GatewayMetrics {
  private readonly functions = new Set<FunctionCounters>();
  private readonly named = new Set<FunctionCounters>();
  private readonly unnamed = new Set<FunctionCounters>();
  private readonly removedUnnamed = new FunctionCounters(OTHER, OTHER);
  private readonly refusals = new Map<RefusalCode, number>();
  private readonly coldStarts: Record<StartKind, DurationHistogram> = { plain: new DurationHistogram(COLD_START_BUCKETS_MS), warm: new DurationHistogram(COLD_START_BUCKETS_MS) };
  private readonly waits = new DurationHistogram(WAIT_BUCKETS_MS);
  private retries = 0;

  constructor(private readonly maxSeries: number) {}

  add(counters: FunctionCounters): void {
    this.functions.add(counters);
  }

  remove(counters: FunctionCounters): void {
    this.functions.delete(counters);
    this.named.delete(counters);
    if (this.unnamed.delete(counters)) this.removedUnnamed.add(counters);
  }

  countRefusal(code: RefusalCode): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }

  countRetry(): void {
    this.retries++;
  }

  /** A function without a pod has one, so long after a request first waited for it. */
  countColdStart(counters: FunctionCounters, start: StartKind, ms: number): void {
    counters.coldStarts[start]++;
    this.coldStarts[start].observe(ms);
  }

  /** A request that had to wait for an instance has got one. */
  observeWait(ms: number): void {
    this.waits.observe(ms);
  }

  /** Names: `fnplane_gateway_*`. Returns what takes them out again. */
  register(registry: Registry, state: GatewayState): () => void {
    const metrics = this.buildMetrics(state);
    for (const metric of metrics) registry.registerMetric(metric as unknown as Metric);
    return () => {
      for (const metric of metrics) registry.removeSingleMetric(metric.name);
    };
  }

  private buildMetrics(state: GatewayState): ScrapedMetric[] {
    const gauge = (name: string, help: string, value: () => number): ScrapedMetric =>
      new ScrapedMetric(`fnplane_gateway_${name}`, help, 'gauge', [], () => [{ labels: {}, value: value() }]);
    return [
      new ScrapedMetric('fnplane_gateway_requests_total', 'Requests for known functions, by function and outcome', 'counter', [...OF_FUNCTION, 'code_class'], () => this.requestSamples()),
      new ScrapedMetric('fnplane_gateway_request_duration_seconds', 'From the request\'s header to the end of the answer', 'histogram', OF_FUNCTION, () => this.durationSamples()),
      ...this.waitingMetrics(),
      new ScrapedMetric('fnplane_gateway_refusals_total', 'Answers the gateway gave in place of a function, by code', 'counter', ['code'],
        () => [...this.refusals].map(([code, value]) => ({ labels: { code }, value }))),
      new ScrapedMetric('fnplane_gateway_retries_total', 'Further attempts after one that the function did not see', 'counter', [], () => [{ labels: {}, value: this.retries }]),
      gauge('in_flight_requests', 'Requests admitted and not yet answered', state.inFlight),
      gauge('waiting_requests', 'Requests waiting for an instance', state.waiting),
      gauge('functions', 'Functions the gateway knows', state.functions),
    ];
  }

  private waitingMetrics(): ScrapedMetric[] {
    const [waits, starts] = ['fnplane_gateway_wait_duration_seconds', 'fnplane_gateway_cold_start_duration_seconds'];
    return [
      new ScrapedMetric(waits, 'How long requests that got no instance at once waited until they had one', 'histogram', [], () => this.waits.samples(waits)),
      new ScrapedMetric(starts, 'From the first request for a function without a pod until it is sent to one, by how that came: plain, or warm from a pool', 'histogram', ['start'],
        () => START_KINDS.flatMap((start) => this.coldStarts[start].samples(starts, { start }))),
      new ScrapedMetric('fnplane_gateway_cold_starts_total', 'Functions without a pod that came to one, by function and by how', 'counter', [...OF_FUNCTION, 'start'], () => this.coldStartSamples()),
    ];
  }

  /** Those with series of their own, then the sum of the rest. */
  private series(): FunctionCounters[] {
    for (const counters of this.functions) {
      if (counters.total === 0 || this.named.has(counters) || this.unnamed.has(counters)) continue;
      (this.named.size < this.maxSeries ? this.named : this.unnamed).add(counters);
    }
    const rest = new FunctionCounters(OTHER, OTHER);
    rest.add(this.removedUnnamed);
    for (const counters of this.unnamed) rest.add(counters);
    return rest.total > 0 ? [...this.named, rest] : [...this.named];
  }

  private requestSamples(): Sample[] {
    return this.series().flatMap((counters) => CODE_CLASSES.flatMap((codeClass, i) => (counters.codes[i]! > 0
      ? [{ labels: { tenant: counters.tenant, function: counters.functionName, code_class: codeClass }, value: counters.codes[i]! }] : [])));
  }

  private coldStartSamples(): Sample[] {
    return this.series().flatMap(({ tenant, functionName, coldStarts }) => START_KINDS.flatMap((start) => (coldStarts[start] > 0
      ? [{ labels: { tenant, function: functionName, start }, value: coldStarts[start] }] : [])));
  }

  private durationSamples(): Sample[] {
    const name = 'fnplane_gateway_request_duration_seconds';
    return this.series().flatMap((counters) => {
      const labels = { tenant: counters.tenant, function: counters.functionName };
      let cumulative = 0;
      const buckets = counters.durations.map((count, i) => {
        cumulative += count;
        const bound = DURATION_BUCKETS_MS[i];
        return { metricName: `${name}_bucket`, labels: { ...labels, le: bound === undefined ? '+Inf' : bound / 1000 }, value: cumulative };
      });
      return [...buckets, { metricName: `${name}_sum`, labels, value: counters.durationSumMs / 1000 }, { metricName: `${name}_count`, labels, value: cumulative }];
    });
  }
}
