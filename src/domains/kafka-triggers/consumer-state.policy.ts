import type { DomainError } from '../../platform/errors/domain-error.js';

/** What the condition Ready says. */
export interface ReadyState {
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
}

export const CONSUMING: ReadyState = { status: 'True', reason: 'Consuming', message: 'Records are read and the function takes them.' };
export const STARTING: ReadyState = { status: 'Unknown', reason: 'Starting', message: 'A worker will take it up in a moment.' };
export const SUSPENDED: ReadyState = { status: 'False', reason: 'Suspended', message: 'The trigger is suspended; nothing is read.' };
export const TENANT_SUSPENDED: ReadyState = { status: 'False', reason: 'Suspended', message: 'The tenant is suspended; nothing is read.' };
/** Something of the platform's own; its cause is in the log. */
export const PLATFORM_ERROR: ReadyState = { status: 'False', reason: 'PlatformError', message: 'The platform could not go on for a reason of its own and tries again.' };

const REASONS: Readonly<Record<string, string>> = {
  KAFKA_UNREACHABLE: 'BrokerUnreachable', KAFKA_TIMEOUT: 'BrokerUnreachable', KAFKA_ADDRESS_CLOSED: 'AddressClosed', KAFKA_REFUSED: 'AuthenticationFailed', KAFKA_FORBIDDEN: 'AccessDenied',
  KAFKA_TOPIC_NOT_FOUND: 'TopicNotFound', KAFKA_CREDENTIALS_MISSING: 'SecretMissing', SECRET_NOT_FOUND: 'SecretMissing', SECRET_WITHOUT_VALUE: 'SecretMissing', SECRET_UNREADABLE: 'SecretMissing',
  KAFKA_ANSWER_UNREADABLE: 'AnswerUnreadable', KAFKA_GROUP_IN_USE: 'GroupInUse', KAFKA_UNSETTLED: 'BrokerUnreachable',
};
/** What passes is told of only where it does not. */
const MOST_PASSING = 3;

/** Whether an error is of the owner's brokers, secrets or settings. Pure. */
export function isOfOwner({ code }: Pick<DomainError, 'code'>): boolean {
  return REASONS[code] !== undefined;
}

/** What an error that ended a consumer says to the trigger's owner; undefined where that is nothing yet. Pure. @param failures in a row, this one included */
export function stateOfError({ code, message }: Pick<DomainError, 'code' | 'message'>, failures: number): ReadyState | undefined {
  const reason = REASONS[code];
  if (reason === undefined) return PLATFORM_ERROR;
  return code === 'KAFKA_UNSETTLED' && failures <= MOST_PASSING ? undefined : { status: 'False', reason, message };
}

/** Why a partition does not go on. */
export interface PartitionTrouble {
  kind: 'waiting' | 'retrying' | 'blocked';
  code: string;
  message: string;
}

/** The worst of the partitions counts. Pure. @param troubles by `topic/partition` */
export function stateOfPartitions(troubles: ReadonlyMap<string, PartitionTrouble>): ReadyState {
  for (const kind of ['blocked', 'waiting', 'retrying'] as const) {
    const found = [...troubles].find(([, trouble]) => trouble.kind === kind);
    if (found) return { status: 'False', reason: reasonOf(found[1]), message: `Partition ${found[0]}: ${found[1].message}` };
  }
  return CONSUMING;
}

function reasonOf({ kind, code }: PartitionTrouble): string {
  if (kind === 'blocked') return 'Blocked';
  if (kind === 'retrying') return 'Retrying';
  return code === 'FUNCTION_NOT_FOUND' ? 'FunctionNotFound' : 'FunctionNotReady';
}
