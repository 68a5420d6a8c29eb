import { DomainError } from '../errors/domain-error.js';

/** `REFUSED`: credentials and certificates. `FORBIDDEN`, `TOPIC_NOT_FOUND`: of what is asked for; the brokers answer other questions. */
export type KafkaErrorCode = 'KAFKA_ADDRESS_CLOSED' | 'KAFKA_UNREACHABLE' | 'KAFKA_TIMEOUT' | 'KAFKA_REFUSED' | 'KAFKA_FORBIDDEN' | 'KAFKA_TOPIC_NOT_FOUND' | 'KAFKA_CREDENTIALS_MISSING' | 'KAFKA_ANSWER_UNREADABLE' | 'KAFKA_GROUP_IN_USE' | 'KAFKA_UNSETTLED';

/** Says nothing of what the name resolved to: that would map the network inside for who asks. */
export function brokerClosed(broker: string): DomainError<KafkaErrorCode> {
  return new DomainError('invalid', 'KAFKA_ADDRESS_CLOSED', `The broker ${broker} does not lead to the internet; the platform calls no private, local or reserved addresses unless its operators allow them.`);
}

export function brokerUnreachable(broker: string, cause: unknown): DomainError<KafkaErrorCode> {
  return new DomainError('upstream', 'KAFKA_UNREACHABLE', `The broker ${broker} could not be reached.`, { cause });
}

export function brokersTimedOut(brokers: string, timeoutMs: number): DomainError<KafkaErrorCode> {
  return new DomainError('timeout', 'KAFKA_TIMEOUT', `The brokers ${brokers} did not answer within ${timeoutMs / 1_000} s.`);
}

export function brokerRefused(broker: string, why: string, cause: unknown): DomainError<KafkaErrorCode> {
  return new DomainError('invalid', 'KAFKA_REFUSED', `The broker ${broker} ${why}.`, { cause });
}

export function questionForbidden(broker: string, why: string, cause: unknown): DomainError<KafkaErrorCode> {
  return new DomainError('forbidden', 'KAFKA_FORBIDDEN', `The broker ${broker} ${why}.`, { cause });
}

export function topicNotFound(topic: string): DomainError<KafkaErrorCode> {
  return new DomainError('not-found', 'KAFKA_TOPIC_NOT_FOUND', `The brokers have no topic ${topic}; it is looked for further.`);
}

export function credentialsMissing(what: string, cause?: unknown): DomainError<KafkaErrorCode> {
  return new DomainError('invalid', 'KAFKA_CREDENTIALS_MISSING', what, { cause });
}

export function answerUnreadable(broker: string, cause: unknown): DomainError<KafkaErrorCode> {
  return new DomainError('upstream', 'KAFKA_ANSWER_UNREADABLE', `The broker ${broker} answers what cannot be read; Kafka 3.0 and newer are understood.`, { cause });
}

export function groupInUse(cause: unknown): DomainError<KafkaErrorCode> {
  return new DomainError('conflict', 'KAFKA_GROUP_IN_USE', 'The consumer group has other members; a group that the platform reads as must be its own.', { cause });
}

/** It will have passed in a moment. */
export function brokersUnsettled(cause: unknown): DomainError<KafkaErrorCode> {
  return new DomainError('unavailable', 'KAFKA_UNSETTLED', 'The brokers are moving what they keep.', { cause });
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/;
/** What brokers call a refusal, in words. */
const REFUSALS: Readonly<Record<string, string>> = {
  SASL_AUTHENTICATION_FAILED: 'refuses the credentials of the secret',
  UNSUPPORTED_SASL_MECHANISM: 'does not offer this SASL mechanism',
  ILLEGAL_SASL_STATE: 'asks for no credentials, or for others',
  CLUSTER_AUTHORIZATION_FAILED: 'does not let these credentials in',
};
const PASSING: ReadonlySet<string> = new Set(['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_OR_FOLLOWER', 'FENCED_LEADER_EPOCH', 'UNKNOWN_LEADER_EPOCH', 'REPLICA_NOT_AVAILABLE', 'OFFSET_NOT_AVAILABLE']);
const OF_MEMBERS: ReadonlySet<string> = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS', 'FENCED_MEMBER_EPOCH', 'STALE_MEMBER_EPOCH', 'GROUP_ID_NOT_FOUND']);
const PROHIBITIONS: Readonly<Record<string, string>> = {
  TOPIC_AUTHORIZATION_FAILED: 'does not let these credentials read the topic, or write to the one for dead letters',
  GROUP_AUTHORIZATION_FAILED: 'does not let these credentials read the consumer group',
};

/** In an error and all that caused it, however it is wrapped. Bounded. */
function facts(error: unknown, depth = 6): { words: Set<string>; authentication: boolean } {
  const words = new Set<string>();
  let authentication = false;
  const visit = (at: unknown, left: number): void => {
    if (!(at instanceof Error) || left === 0) return;
    const { code, apiId, errors } = at as { code?: unknown; apiId?: unknown; errors?: unknown };
    for (const word of [code, apiId]) if (typeof word === 'string') words.add(word);
    authentication ||= code === 'PLT_KFK_AUTHENTICATION';
    if (Array.isArray(errors)) for (const inner of errors.slice(0, 8)) visit(inner, left - 1);
    visit(at.cause, left - 1);
  };
  visit(error, depth);
  return { words, authentication };
}

/** Whether brokers say that it will have passed in a moment. */
export function isPassing(error: unknown): boolean {
  return !(error instanceof DomainError) && [...facts(error).words].some((word) => PASSING.has(word));
}

/** Whether brokers say that a record, with what was added to it, is larger than they take. */
export function isTooLarge(error: unknown): boolean {
  const { words } = facts(error);
  return words.has('MESSAGE_TOO_LARGE') || words.has('RECORD_LIST_TOO_LARGE');
}

/** What went wrong at a broker, in words for the owner of the function. Nothing of what was sent is in them. */
export function kafkaError(broker: string, topic: string, error: unknown): DomainError<KafkaErrorCode> {
  if (error instanceof DomainError) return error as DomainError<KafkaErrorCode>;
  const { words, authentication } = facts(error);
  if (words.has('UNKNOWN_TOPIC_OR_PARTITION')) return topicNotFound(topic);
  if ([...words].some((word) => OF_MEMBERS.has(word))) return groupInUse(error);
  const refusal = [...words].find((word) => word in REFUSALS);
  if (refusal !== undefined) return brokerRefused(broker, REFUSALS[refusal]!, error);
  const prohibition = [...words].find((word) => word in PROHIBITIONS);
  if (prohibition !== undefined) return questionForbidden(broker, PROHIBITIONS[prohibition]!, error);
  if (authentication) return brokerRefused(broker, 'could not be signed in to', error);
  const certificate = [...words].find((word) => CERTIFICATE.test(word));
  if (certificate !== undefined) return brokerRefused(broker, `has a certificate that is not trusted (${certificate})`, error);
  if (words.has('PLT_KFK_USER')) return brokerRefused(broker, 'and the function do not agree on TLS', error);
  if (words.has('UNSUPPORTED_VERSION') || words.has('PLT_KFK_OUT_OF_BOUNDS')) return answerUnreadable(broker, error);
  return brokerUnreachable(broker, error);
}
