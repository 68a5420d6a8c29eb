import type { BrokerSet, OpenBroker } from './broker-set.js';
import { answerUnreadable, topicNotFound } from './kafka-errors.js';

const MOST_PARTITIONS = 10_000;
/** Kafka's names for the two ends of a partition. */
export const [LATEST, EARLIEST] = [-1n, -2n];
const NOT_COMMITTED = -1n;
/** As a consumer, not as a replica; messages of open transactions count. */
const [CONSUMER, UNCOMMITTED] = [-1, 0];
/** Of FindCoordinator: a consumer group. */
const GROUP = 0;

/** Partition -> leader. */
export type Leaders = ReadonlyMap<number, OpenBroker>;
/** Hears which broker is asked, for words about what went wrong; answers it. */
export type Told = (broker: OpenBroker) => OpenBroker;

/** @throws {DomainError} KAFKA_TOPIC_NOT_FOUND, KAFKA_ANSWER_UNREADABLE */
export async function findLeaders(brokers: BrokerSet, topic: string, told: Told): Promise<Leaders> {
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

/** Partition -> the next record the group will read, of those it committed anything of. */
export async function fetchCommitted(brokers: BrokerSet, { topic, consumerGroup }: { topic: string; consumerGroup: string }, partitions: number[], told: Told): Promise<Map<number, bigint>> {
  const { findCoordinatorV4, offsetFetchV8 } = await import('@platformatic/kafka');
  const { name, connection } = told(await brokers.any());
  const { coordinators: [coordinator] } = await findCoordinatorV4.api.async(connection, GROUP, [consumerGroup]);
  if (!coordinator) throw answerUnreadable(name, new Error('no coordinator'));
  const keeper = told(await brokers.at(coordinator));
  const { groups } = await offsetFetchV8.api.async(keeper.connection, [{ groupId: consumerGroup, memberEpoch: -1, topics: [{ name: topic, partitionIndexes: partitions }] }], false);
  const found = groups[0]?.topics.find(({ name }) => name === topic)?.partitions ?? [];
  return new Map(found.filter(({ committedOffset }) => committedOffset !== NOT_COMMITTED).map(({ partitionIndex, committedOffset }) => [partitionIndex, committedOffset]));
}

/** Of each leader at once all of its partitions. @param timestamp {@link LATEST} or {@link EARLIEST} */
export async function listOffsets(leaders: Leaders, topic: string, timestamp: bigint, told: Told): Promise<Map<number, bigint>> {
  const { listOffsetsV7 } = await import('@platformatic/kafka');
  const offsets = new Map<number, bigint>();
  for (const leader of new Set(leaders.values())) {
    const own = [...leaders].filter(([, broker]) => broker === leader).map(([partitionIndex]) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp }));
    const { topics } = await listOffsetsV7.api.async(told(leader).connection, CONSUMER, UNCOMMITTED, [{ name: topic, partitions: own }]);
    for (const { partitionIndex, offset } of topics.find(({ name }) => name === topic)?.partitions ?? []) offsets.set(partitionIndex, offset);
  }
  return offsets;
}
