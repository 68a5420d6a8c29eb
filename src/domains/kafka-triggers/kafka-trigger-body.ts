import type { KafkaStartPosition, SaslMechanism } from '../../contract/function-resource.js';

/** What becomes of a record that no try delivered where there is no topic for dead letters: it is passed over, or its partition waits. */
export const ON_EXHAUSTED = ['skip', 'block'] as const;
export type OnExhausted = (typeof ON_EXHAUSTED)[number];

/** What has a default. */
export interface KafkaTriggerDefaults {
  consumerGroup: string;
  /** Where the group begins in a partition of which it has committed nothing. */
  startPosition: KafkaStartPosition;
  /** Most records of one call. */
  batchSize: number;
  /** How long a batch that is not full waits for more. */
  batchWindowMs: number;
  /** Most bytes of keys, values and header fields in one call. */
  maxBatchBytes: number;
  /** Partitions worked on at once. */
  concurrency: number;
  maxAttempts: number;
  onExhausted: OnExhausted;
  path: string;
  suspended: boolean;
}

/** Topics and the function that is called with their records, as the client sends it. */
export interface KafkaTriggerBody extends Partial<KafkaTriggerDefaults> {
  name: string;
  /** Name of the function. */
  function: string;
  /** `host:port` each. */
  brokers: string[];
  topics: string[];
  deadLetterTopic?: string;
  tls?: boolean;
  sasl?: SaslMechanism;
  /** Name of a secret with `KAFKA_SECRET_KEYS`. */
  secret?: string;
}

export type KafkaTriggerSettings = Omit<KafkaTriggerBody, 'name' | 'function'>;
export type EffectiveKafkaTrigger = KafkaTriggerSettings & KafkaTriggerDefaults;

/** Merge patch: null removes. The name cannot be changed. */
export type KafkaTriggerPatch = { readonly [Field in Exclude<keyof KafkaTriggerBody, 'name'>]?: unknown };
