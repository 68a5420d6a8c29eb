import { setTimeout as pause } from 'node:timers/promises';
import type { KafkaStartPosition } from '../../contract/function-resource.js';
import { abortable } from '../kubernetes/abortable.js';
import type { BrokerSet, OpenBroker } from './broker-set.js';
import { answerUnreadable, brokersTimedOut, isPassing, kafkaError, topicNotFound } from './kafka-errors.js';
import { lagOf, needsEarliest } from './lag.policy.js';

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

const MOST_PARTITIONS = 10_000;
/** Kafka's names for the two ends of a partition. */
const [LATEST, EARLIEST] = [-1n, -2n];
const NOT_COMMITTED = -1n;
/** As a consumer, not as a replica; messages of open transactions count. */
const [CONSUMER, UNCOMMITTED] = [-1, 0];
/** Of FindCoordinator: a consumer group. */
const GROUP = 0;

const AGAIN_MS = 250;

/** Partition -> leader. */
type Leaders = ReadonlyMap<number, OpenBroker>;

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
async function readPatiently(brokers: BrokerSet, question: LagQuestion, told: (broker: OpenBroker) => OpenBroker, deadline: AbortSignal): Promise<TopicLag> {
  for (;;) {
    try {
      return await read(brokers, question, told);
    } catch (error) {
      if (deadline.aborted || !isPassing(error)) throw error;
      await pause(AGAIN_MS);
    }
  }
}

async function read(brokers: BrokerSet, question: LagQuestion, told: (broker: OpenBroker) => OpenBroker): Promise<TopicLag> {
  const leaders = await findLeaders(brokers, question.topic, told);
  const committed = await fetchCommitted(brokers, question, [...leaders.keys()], told);
  const ends = await listOffsets(leaders, question.topic, LATEST, told);
  const open = [...leaders].filter(([partition]) => needsEarliest({ committed: committed.get(partition), end: ends.get(partition) ?? 0n }, question.startPosition));
  const earliest = await listOffsets(new Map(open), question.topic, EARLIEST, told);
  let lag = 0n;
  for (const [partition, end] of ends) lag += lagOf({ committed: committed.get(partition), earliest: earliest.get(partition) ?? 0n, end }, question.startPosition);
  return { partitions: leaders.size, lag: Number(lag < BigInt(Number.MAX_SAFE_INTEGER) ? lag : Number.MAX_SAFE_INTEGER) };
}

async function findLeaders(brokers: BrokerSet, topic: string, told: (broker: OpenBroker) => OpenBroker): Promise<Leaders> {
  const { metadataV11 } = await import('@platformatic/kafka');
  const { name, connection } = told(await brokers.any());
  const { brokers: nodes, topics } = await metadataV11.api.async(connection, [topic], false, false);
  const partitions = topics.find((found) => found.name === topic)?.partitions ?? [];
  if (partitions.length === 0) throw topicNotFound(topic);
  if (partitions.length > MOST_PARTITIONS) throw answerUnreadable(name, new RangeError(`${partitions.length} partitions`));
  const leaders = new Map<number, OpenBroker>();
  for (const { partitionIndex, leaderId } of partitions) {
    const leader = nodes.find(({ nodeId }) => nodeId === leaderId);
    if (!leader) throw answerUnreadable(name, new Error(`no leader of partition ${partitionIndex}`));
    leaders.set(partitionIndex, await brokers.at(leader));
  }
  return leaders;
}

async function fetchCommitted(brokers: BrokerSet, { topic, consumerGroup }: LagQuestion, partitions: number[], told: (broker: OpenBroker) => OpenBroker): Promise<Map<number, bigint>> {
  const { findCoordinatorV4, offsetFetchV8 } = await import('@platformatic/kafka');
  const { name, connection } = told(await brokers.any());
  const { coordinators: [coordinator] } = await findCoordinatorV4.api.async(connection, GROUP, [consumerGroup]);
  if (!coordinator) throw answerUnreadable(name, new Error('no coordinator'));
  const keeper = told(await brokers.at(coordinator));
  const { groups } = await offsetFetchV8.api.async(keeper.connection, [{ groupId: consumerGroup, memberEpoch: -1, topics: [{ name: topic, partitionIndexes: partitions }] }], false);
  const found = groups[0]?.topics.find(({ name }) => name === topic)?.partitions ?? [];
  return new Map(found.filter(({ committedOffset }) => committedOffset !== NOT_COMMITTED).map(({ partitionIndex, committedOffset }) => [partitionIndex, committedOffset]));
}

/** Of each leader at once all of its partitions. */
async function listOffsets(leaders: Leaders, topic: string, timestamp: bigint, told: (broker: OpenBroker) => OpenBroker): Promise<Map<number, bigint>> {
  const { listOffsetsV7 } = await import('@platformatic/kafka');
  const offsets = new Map<number, bigint>();
  for (const leader of new Set(leaders.values())) {
    const own = [...leaders].filter(([, broker]) => broker === leader).map(([partitionIndex]) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp }));
    const { topics } = await listOffsetsV7.api.async(told(leader).connection, CONSUMER, UNCOMMITTED, [{ name: topic, partitions: own }]);
    for (const { partitionIndex, offset } of topics.find(({ name }) => name === topic)?.partitions ?? []) offsets.set(partitionIndex, offset);
  }
  return offsets;
}
