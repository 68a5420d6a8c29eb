import { setMaxListeners } from 'node:events';
import { BrokerSet, type BrokerAccess, type OpenBroker } from '../../../platform/kafka/broker-set.js';
import { commitOffsets, fetchRecords, findKeeper, type FetchPosition } from '../../../platform/kafka/group-calls.js';
import { brokersUnsettled, isPassing, kafkaError } from '../../../platform/kafka/kafka-errors.js';
import { lagOf, needsEarliest } from '../../../platform/kafka/lag.policy.js';
import { EARLIEST, fetchCommitted, findLeaders, LATEST, listOffsets, type Leaders } from '../../../platform/kafka/topic-questions.js';
import { abortable } from '../../../platform/kubernetes/abortable.js';
import type { OutboundRules } from '../../../platform/outbound/outbound-url.policy.js';
import { SharedRoom } from '../shared-room.js';
import { BatchDelivery, type DeliveredTrigger, type DeliveryOptions } from './batch-delivery.js';
import { writeDeadLetter } from './dead-letters.js';
import { PartitionFeed } from './partition-feed.js';

const BROKER_TIMEOUT_MS = 10_000;
/** Largest answer of a broker, and largest batch of records once it is decompressed: a record of 10 MB has room in it. */
const MOST_BYTES = 16 * 1024 * 1024;
/** What is asked for at once. Only a single batch of records that is larger makes an answer larger. */
const FETCHED_BYTES = 4 * 1024 * 1024;
/** Where so much waits for the function nothing is fetched. */
const MOST_WAITING_BYTES = 8 * 1024 * 1024;
const IDLE_WAIT_MS = 500;
/** While other partitions have something to do, those that get hungry must not wait long for their turn. */
const BUSY_WAIT_MS = 50;
/** How long calls may go on once the consumer is to end. */
const DRAIN_MS = 10_000;
/** Partitions and leaders are looked up anew. */
const LOOK_AGAIN_MS = 30_000;
const MOST_PARTITIONS = 1_000;

export interface ConsumerOptions extends Pick<DeliveryOptions, 'context' | 'calls' | 'room' | 'tally'> {
  trigger: DeliveredTrigger;
  access: BrokerAccess;
  rules: Pick<OutboundRules, 'allowed' | 'closed'>;
  /** For bytes, of all consumers of the process. */
  bytes: SharedRoom;
}

/**
 * Reads the partitions of one trigger's topics and delivers them, each in its order and several at once. It joins no group: whoever holds the trigger's lease
 * reads alone, and commits as a group without members.
 */
export class TriggerConsumer {
  feeds: readonly PartitionFeed[] = [];
  isOpen = false;
  private readonly stopping = new AbortController();
  private readonly abandoning = new AbortController();
  private readonly fetching: BrokerSet;
  private readonly asking: BrokerSet;
  private readonly slots: SharedRoom;
  private readonly delivery: BatchDelivery;
  private readonly uncommitted = new Map<string, FetchPosition>();
  private committing: Promise<void> | undefined;
  private keeper: OpenBroker | undefined;
  private busy = 0;
  private drained: () => void = () => undefined;
  /** The broker last asked, for words. */
  private at: string;

  constructor(private readonly options: ConsumerOptions) {
    const { trigger, access, rules } = options;
    // Commits must not wait behind a fetch that waits for records: brokers answer a connection's questions one by one.
    [this.fetching, this.asking] = [0, 1].map(() => new BrokerSet(access, rules, BROKER_TIMEOUT_MS, undefined, MOST_BYTES)) as [BrokerSet, BrokerSet];
    this.slots = new SharedRoom(trigger.concurrency, trigger.concurrency);
    this.at = access.brokers.join(', ');
    // Every partition waits by them.
    setMaxListeners(0, this.stopping.signal, this.abandoning.signal);
    this.delivery = new BatchDelivery({
      ...options, stop: this.stopping.signal, abandon: this.abandoning.signal,
      commit: ({ topic, partition }, next) => this.commit(`${topic}/${partition}`, next),
      deadLetter: (exhausted) => this.asked(trigger.deadLetterTopic!, () => writeDeadLetter(this.asking, trigger.deadLetterTopic!, trigger.name, exhausted, this.told)),
    });
  }

  /** Records that wait in all partitions. */
  get lag(): bigint {
    return this.feeds.reduce((sum, feed) => sum + feed.lag, 0n);
  }

  /** Finds partitions and positions, and says to the brokers that the group stands there; less where it is stopped meanwhile. @throws {DomainError} of `KafkaErrorCode`. */
  async open(): Promise<void> {
    const { signal } = this.stopping;
    const finding = this.find();
    // One that goes on after the end must leave no connection behind.
    finding.catch(() => undefined).finally(() => { if (signal.aborted) this.asking.close(); }).catch(() => undefined);
    await abortable(finding, signal).catch((error: unknown) => { if (!signal.aborted) throw error; });
    this.isOpen = !signal.aborted;
  }

  private async find(): Promise<void> {
    const { topics } = this.options.trigger;
    const found: PartitionFeed[] = [];
    for (const topic of topics) found.push(...await this.asked(topic, () => this.openTopic(topic)));
    if (found.length > MOST_PARTITIONS) throw kafkaError(this.at, topics.join(', '), new RangeError(`more than ${MOST_PARTITIONS} partitions`));
    this.feeds = found;
    this.keeper = await this.asked('', () => findKeeper(this.asking, this.options.trigger.consumerGroup, this.told));
    // Also where nothing changed: brokers forget what a group committed long ago, and `latest` shall mean the same after a restart.
    await this.asked('', () => commitOffsets(this.keeper!, this.options.trigger.consumerGroup, found.map(({ topic, partition, next }) => ({ topic, partition, from: next }))));
  }

  /** Consumes until {@link stop}, or until partitions or leaders have changed. @throws {DomainError} what the brokers failed with. */
  async run(): Promise<void> {
    const { signal } = this.stopping;
    const leaders = await this.leadersOf().catch((error: unknown) => {
      if (!signal.aborted) throw error;
      return new Map<OpenBroker, PartitionFeed[]>();
    });
    const loops = [...[...leaders].map(([leader, feeds]) => this.fetch(leader, feeds)), ...this.feeds.map((feed) => this.work(feed)), this.watch()];
    let failure: unknown;
    const ended = loops.map((loop) => loop.catch((error: unknown) => {
      if (!signal.aborted) failure = error;
      this.stop();
    }));
    await Promise.all(ended);
    await this.committing?.catch(() => undefined);
    this.close();
    if (failure !== undefined) throw failure;
  }

  /** Begins to end: nothing more is fetched, calls under way have a while. */
  stop(): void {
    if (this.stopping.signal.aborted) return;
    this.stopping.abort();
    this.fetching.close();
    this.drained();
    setTimeout(() => this.abandoning.abort(new Error('the consumer ends')), DRAIN_MS).unref();
  }

  /** At once. */
  close(): void {
    this.stop();
    this.abandoning.abort(new Error('the consumer ends'));
    this.asking.close();
  }

  private async leadersOf(): Promise<Map<OpenBroker, PartitionFeed[]>> {
    const leaders = new Map<OpenBroker, PartitionFeed[]>();
    const feeds = new Map(this.feeds.map((feed) => [feed.key, feed]));
    for (const topic of this.options.trigger.topics) {
      for (const [partition, leader] of await this.asked(topic, () => findLeaders(this.fetching, topic, this.told))) {
        const feed = feeds.get(`${topic}/${partition}`);
        if (!feed) continue;
        const led = leaders.get(leader);
        if (led) led.push(feed);
        else leaders.set(leader, [feed]);
      }
    }
    return leaders;
  }

  private readonly told = (broker: OpenBroker): OpenBroker => {
    this.at = broker.name;
    return broker;
  };

  private async asked<T>(topic: string, question: () => Promise<T>): Promise<T> {
    try {
      this.asking.refill();
      return await question();
    } catch (error) {
      throw isPassing(error) ? brokersUnsettled(error) : kafkaError(this.at, topic, error);
    }
  }

  private async openTopic(topic: string): Promise<PartitionFeed[]> {
    const { consumerGroup, startPosition } = this.options.trigger;
    const leaders: Leaders = await findLeaders(this.asking, topic, this.told);
    const committed = await fetchCommitted(this.asking, { topic, consumerGroup }, [...leaders.keys()], this.told);
    const ends = await listOffsets(leaders, topic, LATEST, this.told);
    const open = [...leaders].filter(([partition]) => needsEarliest({ committed: committed.get(partition), end: ends.get(partition) ?? 0n }, startPosition));
    const earliest = await listOffsets(new Map(open), topic, EARLIEST, this.told);
    return [...ends].map(([partition, end]) => {
      const lag = lagOf({ committed: committed.get(partition), earliest: earliest.get(partition) ?? 0n, end }, startPosition);
      return new PartitionFeed(topic, partition, end - lag, end);
    });
  }

  /** Keeps the partitions of one leader fed. */
  private async fetch(leader: OpenBroker, feeds: readonly PartitionFeed[]): Promise<void> {
    const { signal } = this.stopping;
    const { context, bytes, trigger } = this.options;
    const partitionBytes = Math.max(trigger.maxBatchBytes, 64 * 1024);
    while (!signal.aborted) {
      const hungry = this.waitingBytes() >= MOST_WAITING_BYTES ? [] : feeds.filter((feed) => feed.bytes < trigger.maxBatchBytes);
      if (hungry.length === 0) {
        await new Promise<void>((resolve) => { this.onDrained(resolve); });
        continue;
      }
      const leave = await bytes.enter(context.tenantId, FETCHED_BYTES, signal);
      try {
        this.fetching.refill();
        const positions = hungry.map(({ topic, partition, next }) => ({ topic, partition, from: next }));
        const answer = await fetchRecords(leader, positions, { maxWaitMs: this.busy > 0 ? BUSY_WAIT_MS : IDLE_WAIT_MS, bytes: FETCHED_BYTES, partitionBytes, enough: 2 * partitionBytes, most: MOST_BYTES });
        for (const { topic, partition, records, next, end, outOfRange } of answer) {
          if (outOfRange) throw brokersUnsettled(new RangeError('nothing is kept where the group stands'));
          hungry.find((feed) => feed.topic === topic && feed.partition === partition)?.push(records, next, end);
        }
      } catch (error) {
        throw isPassing(error) ? brokersUnsettled(error) : kafkaError(leader.name, trigger.topics.join(', '), error);
      } finally {
        leave();
      }
    }
  }

  /** Delivers one partition, a batch after the other. */
  private async work(feed: PartitionFeed): Promise<void> {
    const { signal } = this.stopping;
    const { trigger: { batchSize, maxBatchBytes, batchWindowMs } } = this.options;
    while (!signal.aborted) {
      await feed.filled(batchSize, maxBatchBytes, batchWindowMs, signal);
      const leave = await this.slots.enter(feed.key, 1, signal);
      this.busy += 1;
      try {
        await this.delivery.deliver({ topic: feed.topic, partition: feed.partition, records: feed.take(batchSize, maxBatchBytes) });
      } finally {
        this.busy -= 1;
        leave();
        this.drained();
      }
    }
  }

  /** Ends the consumer where partitions were added or moved: the next one begins with them. */
  private async watch(): Promise<void> {
    const { signal } = this.stopping;
    for (;;) {
      await new Promise<void>((resolve) => { setTimeout(resolve, LOOK_AGAIN_MS).unref(); signal.addEventListener('abort', () => resolve(), { once: true }); });
      if (signal.aborted) return;
      let count = 0;
      for (const topic of this.options.trigger.topics) count += (await this.asked(topic, () => findLeaders(this.asking, topic, this.told))).size;
      if (count !== this.feeds.length) this.stop();
    }
  }

  /** Several partitions' commits become one. */
  private async commit(key: string, next: bigint): Promise<void> {
    const feed = this.feeds.find((one) => one.key === key)!;
    const from = feed.positionAt(next);
    this.uncommitted.set(key, { topic: feed.topic, partition: feed.partition, from });
    // One that is under way may have begun before.
    await this.committing;
    if (this.uncommitted.has(key)) this.committing ??= this.flush().finally(() => { this.committing = undefined; });
    await this.committing;
    feed.committed = from;
  }

  private async flush(): Promise<void> {
    const positions = [...this.uncommitted.values()];
    this.uncommitted.clear();
    await this.asked('', () => commitOffsets(this.keeper!, this.options.trigger.consumerGroup, positions));
  }

  private waitingBytes(): number {
    return this.feeds.reduce((sum, feed) => sum + feed.bytes, 0);
  }

  private onDrained(resolve: () => void): void {
    const before = this.drained;
    this.drained = () => {
      before();
      resolve();
      this.drained = () => undefined;
    };
  }
}
