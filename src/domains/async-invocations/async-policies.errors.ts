import { DomainError } from '../../platform/errors/domain-error.js';

export type AsyncPolicyErrorCode = 'ASYNC_POLICY_NOT_FOUND' | 'ASYNC_DESTINATION_INVALID';

export function asyncPolicyNotFound(): DomainError<AsyncPolicyErrorCode> {
  return new DomainError('not-found', 'ASYNC_POLICY_NOT_FOUND', 'The function has no policy of its own for asynchronous invocations.');
}

/** @param code of an address that cannot be one, in the words of whoever judged it */
export function asyncDestinationInvalid(pointer: string, message: string, code: string = 'ASYNC_DESTINATION_INVALID'): DomainError {
  return new DomainError('invalid', code, `${pointer}: ${message.replace(/\.$/, '')}.`, { fields: [{ pointer, message }] });
}
