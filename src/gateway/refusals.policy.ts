/** Everything the gateway itself may answer in place of a function. The keys are the stable `code` of the problem document. */
export const REFUSALS = {
  REQUEST_MALFORMED: { status: 400, title: 'The request cannot be read', detail: 'The request could not be read unambiguously.' },
  AUTHENTICATION_REQUIRED: { status: 401, title: 'Authentication is needed', detail: 'The request needs an access token or API key in the Authorization or X-Api-Key header.' },
  CREDENTIAL_INVALID: { status: 401, title: 'Authentication is needed', detail: 'The credential is not valid, or no longer.' },
  TOKEN_CLAIMS_INSUFFICIENT: { status: 403, title: 'Not allowed', detail: 'The token is good, but lacks a claim that this address asks for.' },
  FUNCTION_SUSPENDED: { status: 403, title: 'Not allowed', detail: 'The function is suspended; it answers again once it is resumed.' },
  SPEND_LIMIT_REACHED: { status: 403, title: 'Not allowed', detail: 'The tenant\'s monthly spend limit is reached; its functions answer again once the limit is raised or the next month begins.' },
  FUNCTION_NOT_FOUND: { status: 404, title: 'Not found', detail: 'There is no such function.' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed', detail: 'This method is not passed on to functions.' },
  REQUEST_TIMEOUT: { status: 408, title: 'The request took too long to arrive', detail: 'The request did not arrive in time.' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'Too large', detail: 'The request body is larger than the gateway admits.' },
  RATE_LIMITED: { status: 429, title: 'Too many requests', detail: 'The tenant\'s invocations per second are used up; try again later.' },
  CONCURRENCY_LIMITED: { status: 429, title: 'Too many requests', detail: 'As many invocations of the tenant are under way as its quota allows; try again later.' },
  HEADERS_TOO_LARGE: { status: 431, title: 'Header fields too large', detail: 'The request has more or larger header fields than the gateway admits.' },
  GATEWAY_ERROR: { status: 500, title: 'Internal error', detail: 'The gateway failed; the request id names the log entry.' },
  FUNCTION_CONNECTION_LOST: { status: 502, title: 'The function did not answer properly', detail: 'The connection to the function broke before it answered; it may have begun its work.' },
  AUTHENTICATION_UNAVAILABLE: { status: 503, title: 'Not available at the moment', detail: 'The credential cannot be checked at the moment; try again.' },
  FUNCTION_NOT_READY: { status: 503, title: 'Not available at the moment', detail: 'The function has no instance that is ready; the request was not started.' },
  FUNCTION_OVERLOADED: { status: 503, title: 'Not available at the moment', detail: 'All instances of the function are busy; the request was not started.' },
  GATEWAY_OVERLOADED: { status: 503, title: 'Not available at the moment', detail: 'The gateway has no room for another request of this function; the request was not started.' },
  CLUSTER_UNREACHABLE: { status: 503, title: 'Not available at the moment', detail: 'The cluster cannot be reached through its API server; try again.' },
  FUNCTION_TIMEOUT: { status: 504, title: 'No answer in time', detail: 'The function did not finish within its timeout.' },
} as const satisfies Record<string, { status: number; title: string; detail: string }>;

export type RefusalCode = keyof typeof REFUSALS;

/** Statuses after which the same request may succeed unchanged. */
const RETRYABLE = new Set([408, 429, 502, 503, 504]);

/** RFC 9457 document of a refusal, of the same shape as the control plane's. It names nothing the caller did not send. */
export function problemDocument(code: RefusalCode, requestId: string, detail: string = REFUSALS[code].detail): string {
  const { status, title } = REFUSALS[code];
  return JSON.stringify({
    type: `urn:fnplane:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title, status, code, detail, requestId, retryable: RETRYABLE.has(status),
  });
}
