import type { Logger } from 'pino';
import type { FunctionResource, KafkaSource } from '../../../contract/function-resource.js';
import { DomainError } from '../../../platform/errors/domain-error.js';
import { BrokerSet, type BrokerAccess } from '../../../platform/kafka/broker-set.js';
import { brokerUnreachable, credentialsMissing } from '../../../platform/kafka/kafka-errors.js';
import { readLag } from '../../../platform/kafka/lag-reader.js';
import { backoffMs } from '../../../platform/kubernetes/backoff.js';
import { canonicalJson } from '../../../platform/kubernetes/drift.js';
import { objectKey } from '../../../platform/kubernetes/kubernetes-object.js';
import { partLogger } from '../../../platform/observability/logger.js';
import type { OutboundRules } from '../../../platform/outbound/outbound-url.policy.js';
import { followsLag, targetOf } from '../capacity.policy.js';
import type { LagView, MetricProblem } from '../load-view.js';
import { isLagNews } from '../scaling-report.policy.js';

export interface LagCollectorOptions {
  /** Every Function of the cluster, from a cache. */
  functions: () => readonly FunctionResource[];
  /** The values of a function's secret for brokers, by its name in the function's namespace. */
  readSecret: (namespace: string, name: string) => Promise<Record<string, string>>;
  /** Pure; see `broker-access.policy`. */
  access: (source: KafkaSource, data: Readonly<Record<string, string>>) => BrokerAccess;
  rules: Pick<OutboundRules, 'allowed' | 'closed'>;
  /** The function has to be looked at. */
  onNews: (fn: FunctionResource) => void;
  /** Default 5,000. */
  intervalMs?: number;
  /** Of one question to brokers; default 8,000. */
  timeoutMs?: number;
  now?: () => number;
}

/** Brokers asked at once: whoever hangs holds one of these places until its deadline, and then stands back. */
const MOST_AT_ONCE = 16;
const TICK_MS = 500;
const MOST_BACKOFF_MS = 60_000;
/** What was read counts for so long. */
const FRESH_MS = 20_000;
/** Of the brokers, whatever is asked: the other functions' questions would end the same. */
const OF_BROKERS: ReadonlySet<string> = new Set(['KAFKA_UNREACHABLE', 'KAFKA_TIMEOUT', 'KAFKA_ADDRESS_CLOSED', 'KAFKA_REFUSED', 'KAFKA_CREDENTIALS_MISSING', 'KAFKA_ANSWER_UNREADABLE']);
const REFUSED: ReadonlySet<string> = new Set(['KAFKA_REFUSED', 'KAFKA_FORBIDDEN', 'KAFKA_ADDRESS_CLOSED', 'KAFKA_CREDENTIALS_MISSING', 'KAFKA_TOPIC_NOT_FOUND']);

/** One tenant's way to some brokers, for all of its functions that name them. */
interface Source {
  brokers: BrokerSet | undefined;
  failures: number;
  dueAt: number;
  reading: Promise<void> | undefined;
}

interface LagRecord {
  fn: FunctionResource;
  lag: number;
  partitions: number;
  readAt: number;
  lastLaggedAt: number;
  failures: number;
  problem: MetricProblem | undefined;
}

/**
 * Looks every few seconds at how many messages wait in Kafka for the functions that follow it. Brokers that fail are asked less often and keep nobody waiting;
 * what could not be read is not zero.
 */
export class LagCollector {
  private readonly log: Logger = partLogger('operator');
  private readonly now: () => number;
  private readonly sources = new Map<string, Source>();
  private readonly records = new Map<string, LagRecord>();
  private timer: NodeJS.Timeout | undefined;
  private running = false;

  constructor(private readonly options: LagCollectorOptions) {
    this.now = options.now ?? Date.now;
  }

  /** Idempotent. */
  start(): void {
    if (this.running) return;
    this.running = true;
    this.tick();
  }

  /** Ends what is under way and forgets what was seen. */
  async stop(): Promise<void> {
    this.running = false;
    clearTimeout(this.timer);
    const sources = [...this.sources.values()];
    for (const { brokers } of sources) brokers?.close();
    await Promise.all(sources.map(({ reading }) => reading));
    this.sources.clear();
    this.records.clear();
  }

  /** Undefined for a function that does not follow it. */
  view(fn: FunctionResource): LagView | undefined {
    if (!this.running || !followsLag(fn)) return undefined;
    const { lag, partitions, readAt, lastLaggedAt, problem } = this.recordOf(fn);
    return { lag: this.now() - readAt <= FRESH_MS ? lag : undefined, partitions, lastLaggedAt, problem };
  }

  /** What waits as far as more pods would help: a partition is read by one pod of a group. Undefined while it is not known. */
  scalingValue(namespace: string, functionId: string): { value: number; at: number } | undefined {
    const record = this.records.get(functionId);
    if (!record || record.fn.metadata.namespace !== namespace || this.now() - record.readAt > FRESH_MS) return undefined;
    return { value: Math.min(record.lag, record.partitions * targetOf(record.fn.spec.scaling, 'kafka-lag')), at: record.readAt };
  }

  private tick(): void {
    if (!this.running) return;
    const wanted = this.group();
    for (const [key, { brokers }] of this.sources) {
      if (wanted.has(key)) continue;
      brokers?.close();
      this.sources.delete(key);
    }
    const due = [...wanted].map(([key, functions]) => ({ functions, source: this.sourceOf(key) })).filter(({ source }) => !source.reading && source.dueAt <= this.now());
    const places = MOST_AT_ONCE - [...this.sources.values()].filter(({ reading }) => reading !== undefined).length;
    for (const { source, functions } of due.sort((a, b) => a.source.dueAt - b.source.dueAt).slice(0, places)) {
      source.reading = this.readSource(source, functions).finally(() => { source.reading = undefined; });
    }
    this.timer = setTimeout(() => this.tick(), TICK_MS);
  }

  /** By tenant and by what is needed to reach the brokers: no two tenants share a connection. */
  private group(): Map<string, FunctionResource[]> {
    const groups = new Map<string, FunctionResource[]>();
    const ids = new Set<string>();
    for (const fn of this.options.functions()) {
      if (!followsLag(fn)) continue;
      const { brokers, tls, sasl, secret } = fn.spec.scaling.kafka!;
      const key = canonicalJson({ namespace: fn.metadata.namespace, brokers, tls, sasl, secret });
      groups.set(key, [...(groups.get(key) ?? []), fn]);
      ids.add(fn.spec.functionId);
    }
    for (const id of this.records.keys()) if (!ids.has(id)) this.records.delete(id);
    return groups;
  }

  private async readSource(source: Source, functions: readonly FunctionResource[]): Promise<void> {
    let failed: DomainError | undefined;
    for (const fn of functions) {
      if (!this.running) return;
      const failure = failed ?? (await this.readFunction(source, fn));
      if (failure) this.fail(fn, failure);
      if (failure && OF_BROKERS.has(failure.code)) failed = failure;
    }
    const intervalMs = this.options.intervalMs ?? 5_000;
    source.failures = failed ? source.failures + 1 : 0;
    source.dueAt = this.now() + (failed ? backoffMs(source.failures, { baseMs: intervalMs, maxMs: MOST_BACKOFF_MS }) : intervalMs);
  }

  private async readFunction(source: Source, fn: FunctionResource): Promise<DomainError | undefined> {
    const { topic, consumerGroup, startPosition = 'earliest', brokers } = fn.spec.scaling.kafka!;
    const timeoutMs = this.options.timeoutMs ?? 8_000;
    try {
      source.brokers ??= await this.open(fn);
      const { lag, partitions } = await readLag(source.brokers, { topic, consumerGroup, startPosition }, brokers.join(', '), timeoutMs);
      this.take(fn, lag, partitions);
      return undefined;
    } catch (error) {
      return error instanceof DomainError ? error : brokerUnreachable(brokers.join(', '), error);
    }
  }

  private async open(fn: FunctionResource): Promise<BrokerSet> {
    const kafka = fn.spec.scaling.kafka!;
    const data = kafka.secret === undefined ? {} : await this.options.readSecret(fn.metadata.namespace, kafka.secret).catch((error: unknown) => {
      throw credentialsMissing('The secret for the brokers cannot be read on the cluster.', error);
    });
    return new BrokerSet(this.options.access(kafka, data), this.options.rules, this.options.timeoutMs ?? 8_000);
  }

  private take(fn: FunctionResource, lag: number, partitions: number): void {
    const record = this.recordOf(fn);
    const recovered = record.problem !== undefined || record.readAt === 0;
    const now = this.now();
    Object.assign(record, { lag, partitions, readAt: now, failures: 0, problem: undefined }, lag > 0 ? { lastLaggedAt: now } : {});
    if (recovered || isLagNews(fn, lag)) this.options.onNews(fn);
  }

  /** One failure after a good answer is not told yet. */
  private fail(fn: FunctionResource, failure: DomainError): void {
    const record = this.recordOf(fn);
    record.failures += 1;
    if (record.failures < 2 && record.readAt > 0) return;
    const message = `${failure.message} The number of pods does not follow kafka-lag until that works.`;
    if (record.problem?.message === message) return;
    record.problem = { reason: REFUSED.has(failure.code) ? 'BrokerRefused' : 'BrokerUnreachable', message };
    this.log.info({ err: failure.cause ?? failure, code: failure.code, function: objectKey(fn) }, 'what waits in Kafka cannot be read; it is tried further');
    this.options.onNews(fn);
  }

  private sourceOf(key: string): Source {
    const source = this.sources.get(key) ?? { brokers: undefined, failures: 0, dueAt: 0, reading: undefined };
    this.sources.set(key, source);
    return source;
  }

  private recordOf(fn: FunctionResource): LagRecord {
    const record = this.records.get(fn.spec.functionId) ?? { fn, lag: 0, partitions: 0, readAt: 0, lastLaggedAt: this.now(), failures: 0, problem: undefined };
    record.fn = fn;
    this.records.set(fn.spec.functionId, record);
    return record;
  }
}
