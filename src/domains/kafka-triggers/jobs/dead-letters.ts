import type { BrokerSet } from '../../../platform/kafka/broker-set.js';
import { produceRecord } from '../../../platform/kafka/group-calls.js';
import { isTooLarge } from '../../../platform/kafka/kafka-errors.js';
import type { Told } from '../../../platform/kafka/topic-questions.js';
import type { ExhaustedRecord } from './batch-delivery.js';

const LONGEST_ERROR = 1_000;

/** Writes a record that no try delivered to the topic for dead letters, as it was and with what became of it. Where it is too large for that, without its value. */
export async function writeDeadLetter(brokers: BrokerSet, to: string, trigger: string, exhausted: ExhaustedRecord, told: Told): Promise<void> {
  const { topic, partition, record, error, attempts } = exhausted;
  const said = {
    'fnplane-trigger': trigger, 'fnplane-topic': topic, 'fnplane-partition': String(partition), 'fnplane-offset': String(record.offset), 'fnplane-error': `${error.code}: ${error.message}`.slice(0, LONGEST_ERROR), 'fnplane-attempts': String(attempts),
  };
  const headers = [...record.headers, ...fields(said)];
  try {
    await produceRecord(brokers, to, partition, { ...record, headers }, told);
  } catch (failure) {
    if (!isTooLarge(failure)) throw failure;
    await produceRecord(brokers, to, partition, { key: null, value: Buffer.alloc(0), headers: fields({ ...said, 'fnplane-value-omitted': String(record.value?.length ?? 0) }) }, told);
  }
}

function fields(said: Record<string, string>): (readonly [Buffer, Buffer])[] {
  return Object.entries(said).map(([name, value]) => [Buffer.from(name), Buffer.from(value)] as const);
}
