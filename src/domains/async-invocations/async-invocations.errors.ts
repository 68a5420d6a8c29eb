import { DomainError, type FieldProblem } from '../../platform/errors/domain-error.js';
import { MOST_BODY_BYTES, type AsyncState } from './async-invocation-states.js';

export type AsyncInvocationErrorCode =
  | 'ASYNC_INVOCATION_NOT_FOUND' | 'ASYNC_INVOCATION_INVALID' | 'ASYNC_INVOCATION_TOO_LARGE' | 'ASYNC_INVOCATION_RUNNING' | 'ASYNC_INVOCATION_NOT_FAILED'
  | 'ASYNC_RESULT_NOT_FOUND' | 'ASYNC_QUEUE_FULL';

export function asyncInvocationNotFound(): DomainError<AsyncInvocationErrorCode> {
  return new DomainError('not-found', 'ASYNC_INVOCATION_NOT_FOUND', 'There is no such asynchronous invocation in this tenant; finished ones are kept for seven days.');
}

export function asyncInvocationInvalid(fields: FieldProblem[]): DomainError<AsyncInvocationErrorCode> {
  const first = fields[0]!;
  return new DomainError('invalid', 'ASYNC_INVOCATION_INVALID', `${first.pointer}: ${first.message}.`, { fields });
}

export function asyncInvocationTooLarge(bytes: number): DomainError<AsyncInvocationErrorCode> {
  return new DomainError('too-large', 'ASYNC_INVOCATION_TOO_LARGE', `The body has ${bytes} bytes; at most ${MOST_BODY_BYTES} are kept for an asynchronous invocation.`, { details: { bytes, allowed: MOST_BODY_BYTES } });
}

export function asyncInvocationRunning(): DomainError<AsyncInvocationErrorCode> {
  return new DomainError('conflict', 'ASYNC_INVOCATION_RUNNING', 'The invocation is under way; it can be deleted once the try has ended.', { retryAfterSeconds: 2 });
}

export function asyncInvocationNotFailed(state: AsyncState): DomainError<AsyncInvocationErrorCode> {
  return new DomainError('conflict', 'ASYNC_INVOCATION_NOT_FAILED', `The invocation is ${state}; only failed ones are tried anew.`);
}

export function asyncResultNotFound(tooLarge: boolean): DomainError<AsyncInvocationErrorCode> {
  return new DomainError('not-found', 'ASYNC_RESULT_NOT_FOUND', tooLarge ? 'The function\'s answer was too large to be kept.' : 'There is no result: the function has not answered, or will be tried again.');
}

export function asyncQueueFull(most: number): DomainError<AsyncInvocationErrorCode> {
  return new DomainError('rate-limited', 'ASYNC_QUEUE_FULL', `The tenant has ${most} invocations waiting, and no more are taken; send it again later.`, { retryAfterSeconds: 5, details: { allowed: most } });
}
