import { DomainError } from '../errors/domain-error.js';

/** The same for every credential that is not good. @param cause for the log only. */
export function unauthenticated(cause?: unknown): DomainError {
  return new DomainError('unauthenticated', 'UNAUTHENTICATED', 'The request needs a valid access token or API key in the Authorization header.', { cause });
}
