import { DomainError } from '../errors/domain-error.js';

export type OutboundErrorCode = 'OUTBOUND_URL_INVALID' | 'OUTBOUND_ADDRESS_CLOSED' | 'OUTBOUND_UNREACHABLE' | 'OUTBOUND_TIMEOUT' | 'OUTBOUND_ANSWER_TOO_LARGE';

export function urlInvalid(why: string): DomainError<OutboundErrorCode> {
  return new DomainError('invalid', 'OUTBOUND_URL_INVALID', `The address cannot be called: it ${why}.`, { fields: [{ pointer: '/url', message: why }] });
}

/** Says nothing of what the name resolved to: that would map the network inside for who asks. */
export function addressClosed(): DomainError<OutboundErrorCode> {
  const message = 'does not lead to the internet';
  return new DomainError('invalid', 'OUTBOUND_ADDRESS_CLOSED', `The address ${message}; the platform calls no private, local or reserved addresses unless its operators allow them.`, { fields: [{ pointer: '/url', message }] });
}

export function unreachable(host: string, cause: unknown): DomainError<OutboundErrorCode> {
  return new DomainError('upstream', 'OUTBOUND_UNREACHABLE', `${host} could not be reached.`, { cause });
}

export function timedOut(host: string, timeoutMs: number): DomainError<OutboundErrorCode> {
  return new DomainError('timeout', 'OUTBOUND_TIMEOUT', `${host} did not answer within ${timeoutMs / 1000} s.`);
}

export function answerTooLarge(host: string, limit: number): DomainError<OutboundErrorCode> {
  return new DomainError('upstream', 'OUTBOUND_ANSWER_TOO_LARGE', `${host} answered with more than the ${limit} bytes that are read.`);
}
