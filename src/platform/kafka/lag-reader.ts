import { setTimeout as pause } from 'node:timers/promises';
import type { KafkaStartPosition } from '../../contract/function-resource.js';
import { abortable } from '../kubernetes/abortable.js';
import type { BrokerSet, OpenBroker } from './broker-set.js';
import { brokersTimedOut, isPassing, kafkaError } from './kafka-errors.js';
import { lagOf, needsEarliest } from './lag.policy.js';
import { EARLIEST, fetchCommitted, findLeaders, LATEST, listOffsets, type Told } from './topic-questions.js';

export interface LagQuestion {
  topic: string;
  consumerGroup: string;
  startPosition: KafkaStartPosition;
}

export interface TopicLag {
  partitions: number;
  /** Messages that wait in all partitions together; at most `Number.MAX_SAFE_INTEGER`. */
  lag: number;
}

const AGAIN_MS = 250;

/**
 * Reads how far a consumer group is behind in a topic: what it committed against where the partitions end. Speaks the versions of the protocol that
 * Kafka 3.0 and all newer ones understand. It joins no group and creates no topic.
 * @param name of the brokers, for words
 * @throws {DomainError} of {@link KafkaErrorCode}, within `timeoutMs`; the connections are closed then
 */
export async function readLag(brokers: BrokerSet, question: LagQuestion, name: string, timeoutMs: number): Promise<TopicLag> {
  // Loading the client the first time is nothing that brokers answer for.
  await import('@platformatic/kafka');
  const deadline = AbortSignal.timeout(timeoutMs);
  let at = name;
  const told = (broker: OpenBroker): OpenBroker => {
    at = broker.name;
    return broker;
  };
  brokers.refill();
  try {
    return await abortable(readPatiently(brokers, question, told, deadline), deadline);
  } catch (error) {
    const failure = deadline.aborted ? brokersTimedOut(name, timeoutMs) : kafkaError(at, question.topic, error);
    if (failure.code !== 'KAFKA_TOPIC_NOT_FOUND' && failure.code !== 'KAFKA_FORBIDDEN') brokers.close();
    throw failure;
  }
}

/** Brokers that have just started, or have just been asked for the first group ever, say that they will answer in a moment. */
async function readPatiently(brokers: BrokerSet, question: LagQuestion, told: Told, deadline: AbortSignal): Promise<TopicLag> {
  for (;;) {
    try {
      return await read(brokers, question, told);
    } catch (error) {
      if (deadline.aborted || !isPassing(error)) throw error;
      await pause(AGAIN_MS);
    }
  }
}

async function read(brokers: BrokerSet, question: LagQuestion, told: Told): Promise<TopicLag> {
  const leaders = await findLeaders(brokers, question.topic, told);
  const committed = await fetchCommitted(brokers, question, [...leaders.keys()], told);
  const ends = await listOffsets(leaders, question.topic, LATEST, told);
  const open = [...leaders].filter(([partition]) => needsEarliest({ committed: committed.get(partition), end: ends.get(partition) ?? 0n }, question.startPosition));
  const earliest = await listOffsets(new Map(open), question.topic, EARLIEST, told);
  let lag = 0n;
  for (const [partition, end] of ends) lag += lagOf({ committed: committed.get(partition), earliest: earliest.get(partition) ?? 0n, end }, question.startPosition);
  return { partitions: leaders.size, lag: Number(lag < BigInt(Number.MAX_SAFE_INTEGER) ? lag : Number.MAX_SAFE_INTEGER) };
}
