import { DomainError } from '../../platform/errors/domain-error.js';

export type LogErrorCode = 'LOG_FOLLOWERS_TOO_MANY' | 'LOG_POSITION_INVALID';

export function tooManyFollowers(of: 'tenant' | 'process', most: number): DomainError<LogErrorCode> {
  const whose = of === 'tenant' ? 'This tenant\'s logs are' : 'Logs are';
  return new DomainError('rate-limited', 'LOG_FOLLOWERS_TOO_MANY', `${whose} followed ${most} times here already, and no more can be; end another, or read them page by page.`, { retryAfterSeconds: 10, details: { allowed: most } });
}

/** @param pointer of what held it. */
export function logPositionInvalid(pointer: string): DomainError<LogErrorCode> {
  return new DomainError('invalid', 'LOG_POSITION_INVALID', 'The position is not one of an entry of a log.', { fields: [{ pointer, message: 'is not the position of an entry' }] });
}
