import type { MessageRecord } from '@platformatic/kafka';
import type { BrokerSet, OpenBroker } from './broker-set.js';
import { answerUnreadable } from './kafka-errors.js';
import { decodeBatches, type Decompressors, type DecodingBounds, type KafkaRecord } from './record-batches.policy.js';
import { findLeaders, type Told } from './topic-questions.js';

type Kafka = typeof import('@platformatic/kafka');

/** One partition, and where reading goes on. */
export interface FetchPosition {
  topic: string;
  partition: number;
  from: bigint;
}

export interface FetchBounds extends DecodingBounds {
  /** How long the broker waits where there is nothing. */
  maxWaitMs: number;
  /** Of all partitions together and of each, as it is sent; a batch of records is sent whole, however large it is. */
  bytes: number;
  partitionBytes: number;
}

export interface FetchedPartition {
  topic: string;
  partition: number;
  records: KafkaRecord[];
  /** Where reading goes on. */
  next: bigint;
  /** Where the partition ends. */
  end: bigint;
  /** Nothing is kept at the position that was asked for. */
  outOfRange: boolean;
}

interface RawPartition {
  topic: string;
  partition: number;
  errorCode: number;
  end: bigint;
  records: Buffer;
}

const OUT_OF_RANGE = 1;
/** As one that reads alone: in no generation of the group, without a name in it. */
const [ALONE, NOBODY] = [-1, ''];
const ALL_REPLICAS = -1;
const PRODUCE_TIMEOUT_MS = 8_000;
/** Group -> coordinator: FindCoordinator's key type. */
const GROUP = 0;

let fetchApi: ((connection: OpenBroker['connection'], ...args: never[]) => Promise<RawPartition[]>) | undefined;

/** Asks a leader for records of its partitions. They are decoded here and not by the client, which decompresses whatever comes. */
export async function fetchRecords({ name, connection }: OpenBroker, positions: readonly FetchPosition[], bounds: FetchBounds): Promise<FetchedPartition[]> {
  const kafka = await import('@platformatic/kafka');
  const topics = [...new Set(positions.map(({ topic }) => topic))].map((topic) => ({
    topicId: topic,
    partitions: positions.filter((position) => position.topic === topic).map(({ partition, from }) => ({ partition, currentLeaderEpoch: -1, fetchOffset: from, lastFetchedEpoch: -1, partitionMaxBytes: bounds.partitionBytes })),
  }));
  fetchApi ??= makeFetchApi(kafka);
  const raw = await fetchApi(connection, ...([bounds.maxWaitMs, 1, bounds.bytes, 0, 0, -1, topics, [], ''] as never[]));
  const failed = raw.filter(({ errorCode }) => errorCode !== 0 && errorCode !== OUT_OF_RANGE);
  if (failed.length > 0) throw new kafka.ResponseError(1, 12, Object.fromEntries(failed.map(({ topic, partition, errorCode }) => [`/${topic}/${partition}`, [errorCode, null]])), {});
  const from = new Map(positions.map((position) => [`${position.topic}/${position.partition}`, position.from]));
  return raw.flatMap(({ topic, partition, errorCode, end, records }) => {
    const wanted = from.get(`${topic}/${partition}`);
    return wanted === undefined ? [] : [{ topic, partition, end, outOfRange: errorCode === OUT_OF_RANGE, ...decoded(name, records, wanted, bounds, kafka) }];
  });
}

function decoded(broker: string, bytes: Buffer, from: bigint, bounds: DecodingBounds, kafka: Kafka): { records: KafkaRecord[]; next: bigint } {
  const { snappy, lz4 } = kafka.compressionsAlgorithms;
  const decompressors: Decompressors = { snappy: (data) => snappy.decompressSync(data), lz4: (data) => lz4.decompressSync(data) };
  try {
    return decodeBatches(bytes, from, bounds, decompressors);
  } catch (error) {
    throw answerUnreadable(broker, error);
  }
}

/** Fetch, version 12, with records as they came. */
function makeFetchApi({ createAPI, fetchV12 }: Kafka): NonNullable<typeof fetchApi> {
  const api = createAPI(1, 12, fetchV12.createRequest, (_, __, ___, reader): RawPartition[] => {
    reader.readInt32();
    const errorCode = reader.readInt16();
    if (errorCode !== 0) throw new RangeError(`a fetch ended with error ${errorCode}`);
    reader.readInt32();
    const topics = reader.readArray((r) => {
      const topic = r.readString();
      return r.readArray((p): RawPartition => {
        const [partition, code, end] = [p.readInt32(), p.readInt16(), p.readInt64()];
        p.skip(16);
        p.readNullableArray((a) => a.skip(16));
        p.skip(4);
        const size = p.readUnsignedVarInt() - 1;
        const records = size > 0 ? p.buffer.slice(p.position, p.position + size) : Buffer.alloc(0);
        p.skip(Math.max(0, size));
        return { topic, partition, errorCode: code, end, records };
      });
    });
    return topics.flat();
  });
  return api.async as NonNullable<typeof fetchApi>;
}

/** The broker that keeps what a group committed. */
export async function findKeeper(brokers: BrokerSet, group: string, told: Told): Promise<OpenBroker> {
  const { findCoordinatorV4 } = await import('@platformatic/kafka');
  const { name, connection } = told(await brokers.any());
  const { coordinators: [coordinator] } = await findCoordinatorV4.api.async(connection, GROUP, [group]);
  if (!coordinator) throw answerUnreadable(name, new Error('no coordinator'));
  return told(await brokers.at(coordinator));
}

/** Says how far a group has read that has no members: the platform reads alone for it. */
export async function commitOffsets(keeper: OpenBroker, group: string, offsets: readonly FetchPosition[]): Promise<void> {
  const { offsetCommitV8 } = await import('@platformatic/kafka');
  const topics = [...new Set(offsets.map(({ topic }) => topic))].map((topic) => ({
    name: topic,
    partitions: offsets.filter((offset) => offset.topic === topic).map(({ partition, from }) => ({ partitionIndex: partition, committedOffset: from, committedLeaderEpoch: -1, committedMetadata: null })),
  }));
  await offsetCommitV8.api.async(keeper.connection, group, ALONE, NOBODY, null, topics);
}

/** Writes one record to a topic that exists; it counts once all replicas in sync have it. @param spread chooses the partition */
export async function produceRecord(brokers: BrokerSet, topic: string, spread: number, record: Pick<KafkaRecord, 'key' | 'value' | 'headers'>, told: Told): Promise<void> {
  const { produceV9 } = await import('@platformatic/kafka');
  const leaders = await findLeaders(brokers, topic, told);
  const partition = [...leaders.keys()].sort((a, b) => a - b)[spread % leaders.size]!;
  // Names may come twice: a map of buffers keeps both.
  const message = { topic, partition, key: record.key, value: record.value, headers: new Map(record.headers.map(([name, value]) => [Buffer.from(name), value])) } as unknown as MessageRecord;
  await produceV9.api.async(told(leaders.get(partition)!).connection, ALL_REPLICAS, PRODUCE_TIMEOUT_MS, [message], {});
}
