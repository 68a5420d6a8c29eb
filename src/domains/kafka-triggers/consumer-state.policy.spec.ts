import { describe, expect, it } from 'vitest';
import { CONSUMING, isOfOwner, PLATFORM_ERROR, stateOfError, stateOfPartitions, type PartitionTrouble } from './consumer-state.policy.js';

const trouble = (kind: PartitionTrouble['kind'], code = 'X'): PartitionTrouble => ({ kind, code, message: 'Why.' });

describe('what a trigger says', () => {
  it.each([
    ['KAFKA_UNREACHABLE', 'BrokerUnreachable'], ['KAFKA_TIMEOUT', 'BrokerUnreachable'], ['KAFKA_ADDRESS_CLOSED', 'AddressClosed'], ['KAFKA_REFUSED', 'AuthenticationFailed'], ['KAFKA_FORBIDDEN', 'AccessDenied'],
    ['KAFKA_TOPIC_NOT_FOUND', 'TopicNotFound'], ['KAFKA_CREDENTIALS_MISSING', 'SecretMissing'], ['SECRET_WITHOUT_VALUE', 'SecretMissing'], ['KAFKA_ANSWER_UNREADABLE', 'AnswerUnreadable'], ['KAFKA_GROUP_IN_USE', 'GroupInUse'],
  ])('of %s is %s', (code, reason) => {
    expect(stateOfError({ code, message: 'Why.' }, 1)).toEqual({ status: 'False', reason, message: 'Why.' });
  });

  it('does not change with what passes, unless it does not', () => {
    expect(stateOfError({ code: 'KAFKA_UNSETTLED', message: 'Why.' }, 3)).toBeUndefined();
    expect(stateOfError({ code: 'KAFKA_UNSETTLED', message: 'Why.' }, 4)).toMatchObject({ reason: 'BrokerUnreachable' });
  });

  it('tells nothing of the platform\'s own errors', () => {
    expect(stateOfError({ code: 'KEY_SERVICE_UNAVAILABLE', message: 'Why.' }, 1)).toBe(PLATFORM_ERROR);
    expect([isOfOwner({ code: 'KEY_SERVICE_UNAVAILABLE' }), isOfOwner({ code: 'KAFKA_UNREACHABLE' })]).toEqual([false, true]);
  });

  it('is the worst of its partitions', () => {
    expect(stateOfPartitions(new Map())).toBe(CONSUMING);
    expect(stateOfPartitions(new Map([['t/0', trouble('retrying')], ['t/1', trouble('waiting', 'FUNCTION_NOT_FOUND')]]))).toEqual({ status: 'False', reason: 'FunctionNotFound', message: 'Partition t/1: Why.' });
    expect(stateOfPartitions(new Map([['t/0', trouble('waiting')], ['t/1', trouble('blocked')]]))).toMatchObject({ reason: 'Blocked' });
    expect(stateOfPartitions(new Map([['t/0', trouble('waiting', 'RATE_LIMITED')]]))).toMatchObject({ reason: 'FunctionNotReady' });
    expect(stateOfPartitions(new Map([['t/0', trouble('retrying')]]))).toMatchObject({ reason: 'Retrying', status: 'False' });
  });
});
