import type { KafkaStartPosition } from '../../contract/function-resource.js';

/** One partition of a topic, as a consumer group finds it. */
export interface PartitionOffsets {
  /** The next message the group will read; undefined where it has committed nothing. */
  committed: bigint | undefined;
  /** The oldest message that is kept, and where the next one will be written. */
  earliest: bigint;
  end: bigint;
}

/** Whether the oldest kept message makes a difference to the lag. Pure. */
export function needsEarliest({ committed, end }: Omit<PartitionOffsets, 'earliest'>, start: KafkaStartPosition): boolean {
  return committed === undefined ? start === 'earliest' && end > 0n : committed !== end;
}

/** Messages that the group has still to read. A commit outside of what is kept counts as none, as it does to consumers. Pure. */
export function lagOf({ committed, earliest, end }: PartitionOffsets, start: KafkaStartPosition): bigint {
  const from = committed !== undefined && committed >= earliest && committed <= end ? committed : start === 'earliest' ? earliest : end;
  return end > from ? end - from : 0n;
}
