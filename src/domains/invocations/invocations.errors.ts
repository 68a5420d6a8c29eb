import { DomainError, type ErrorKind, type FieldProblem } from '../../platform/errors/domain-error.js';
import type { InvocationRefusal } from '../../platform/invocation/gateway-client.js';
import { MAX_PAYLOAD_BYTES } from './invocation-request.policy.js';

/** Codes of this domain's own; the gateway's are passed on as they are (see {@link refusedByGateway}). */
export type InvocationErrorCode = 'INVOCATION_INVALID' | 'INVOCATION_TOO_LARGE' | 'FUNCTION_NOT_READY' | 'GATEWAY_UNAVAILABLE' | 'CALLER_GONE';

/** What each of the gateway's refusals is to the API's caller. Those about credentials are missing on purpose: they are ours. */
const KIND: Readonly<Record<string, ErrorKind>> = {
  REQUEST_MALFORMED: 'malformed',
  TOKEN_CLAIMS_INSUFFICIENT: 'forbidden',
  FUNCTION_SUSPENDED: 'forbidden',
  SPEND_LIMIT_REACHED: 'forbidden',
  FUNCTION_NOT_FOUND: 'not-found',
  METHOD_NOT_ALLOWED: 'invalid',
  REQUEST_TIMEOUT: 'timeout',
  PAYLOAD_TOO_LARGE: 'too-large',
  RATE_LIMITED: 'rate-limited',
  CONCURRENCY_LIMITED: 'rate-limited',
  HEADERS_TOO_LARGE: 'invalid',
  GATEWAY_ERROR: 'upstream',
  FUNCTION_CONNECTION_LOST: 'upstream',
  AUTHENTICATION_UNAVAILABLE: 'unavailable',
  FUNCTION_NOT_READY: 'unavailable',
  FUNCTION_OVERLOADED: 'unavailable',
  GATEWAY_OVERLOADED: 'unavailable',
  CLUSTER_UNREACHABLE: 'unavailable',
  FUNCTION_TIMEOUT: 'timeout',
};

const CREDENTIAL_CODES = new Set(['AUTHENTICATION_REQUIRED', 'CREDENTIAL_INVALID']);

/** Whether the gateway did not take the API's own word: their secrets or clocks differ. */
export function isMistrust(refusal: InvocationRefusal): boolean {
  return CREDENTIAL_CODES.has(refusal.code);
}

export function refusedByGateway(refusal: InvocationRefusal): DomainError {
  if (isMistrust(refusal)) {
    return new DomainError('unavailable', 'GATEWAY_UNAVAILABLE', 'The gateway does not accept the platform\'s requests at the moment; its operators have been told. The function was not started.', { retryAfterSeconds: 10 });
  }
  return new DomainError(KIND[refusal.code] ?? 'upstream', refusal.code, refusal.detail, { retryAfterSeconds: refusal.retryAfterSeconds });
}

/** The control plane knows the function, the gateway does not yet. */
export function functionNotReady(name: string): DomainError<InvocationErrorCode> {
  return new DomainError('unavailable', 'FUNCTION_NOT_READY', `The function ${name} does not serve yet; its conditions say why. The request was not started.`, { retryAfterSeconds: 2 });
}

export function invocationInvalid(fields: FieldProblem[]): DomainError<InvocationErrorCode> {
  const first = fields[0]!;
  return new DomainError('invalid', 'INVOCATION_INVALID', `${first.pointer}: ${first.message}.`, { fields });
}

export function invocationTooLarge(bytes: number): DomainError<InvocationErrorCode> {
  return new DomainError('too-large', 'INVOCATION_TOO_LARGE', `The body has ${bytes} bytes; at most ${MAX_PAYLOAD_BYTES} are taken here. Call the function at its own address to stream more.`, { details: { bytes, allowed: MAX_PAYLOAD_BYTES } });
}

export function callerGone(): DomainError<InvocationErrorCode> {
  return new DomainError('timeout', 'CALLER_GONE', 'The caller left before the function answered.');
}
