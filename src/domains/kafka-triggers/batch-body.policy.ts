import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { KafkaRecord } from '../../platform/kafka/record-batches.policy.js';

/** Records of one partition that follow each other. */
export interface RecordBatch {
  topic: string;
  partition: number;
  records: readonly KafkaRecord[];
}

/** Of key, value and header fields. */
export function bytesOf({ key, value, headers }: KafkaRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0) + headers.reduce((sum, [name, field]) => sum + name.length + (field?.length ?? 0), 0);
}

/** How many of `records` make up the next batch: at least one, whatever its size. Pure. */
export function batchLength(records: readonly KafkaRecord[], mostRecords: number, mostBytes: number): number {
  let [count, bytes] = [0, 0];
  for (const record of records) {
    bytes += bytesOf(record);
    if (count > 0 && (count >= mostRecords || bytes > mostBytes)) break;
    count += 1;
  }
  return count;
}

/** What the function is sent. Text where bytes are UTF-8, otherwise `…Base64`; null stays null. Pure. */
export function batchBody({ topic, partition, records }: RecordBatch): Buffer {
  return Buffer.from(JSON.stringify({
    topic, partition,
    records: records.map(({ offset, timestamp, key, value, headers }) => ({
      offset: Number(offset), timestamp, ...encoded('key', key), ...encoded('value', value), headers: headers.map(([name, field]) => ({ ...encoded('key', name), ...encoded('value', field) })),
    })),
  }));
}

function encoded(field: string, bytes: Buffer | null): Record<string, string | null> {
  if (bytes === null) return { [field]: null };
  return isUtf8(bytes) ? { [field]: bytes.toString('utf8') } : { [`${field}Base64`]: bytes.toString('base64') };
}

/**
 * The same for the same records, whichever worker sends them and however often. The last offset is in it: a batch that begins alike but goes further is
 * another one, and a function that leaves out what it knows must not leave that out. Pure.
 */
export function requestIdOf(triggerId: string, { topic, partition, records }: RecordBatch): string {
  const text = `${triggerId}/${topic}/${partition}/${records[0]!.offset}-${records.at(-1)!.offset}`;
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
