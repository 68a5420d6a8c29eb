import type { AuthenticationMode } from '../../contract/function-resource.js';
import { HEADER } from '../../contract/runtime.js';
import { newTraceparent } from './identifiers.js';
import { isTraceparent, type ScannedHeaders } from './request-headers.policy.js';

export interface ForwardFacts {
  authentication: AuthenticationMode;
  requestId: string;
  remoteAddress: string;
  encrypted: boolean;
  /** A proxy before the gateway is known to set `x-forwarded-*` truthfully. */
  trustForwarded: boolean;
  /** The body is streamed, so that its declared length must be said. */
  streamed: boolean;
}

const BEARER = /^bearer\b/i;

/** Where a request comes from: the last hop before a proxy that is trusted, or else the other end of the connection. */
export function clientAddress(scan: ScannedHeaders, remoteAddress: string | undefined, trustForwarded: boolean): string {
  const last = trustForwarded ? scan.forwardedFor?.slice(scan.forwardedFor.lastIndexOf(',') + 1).trim() : undefined;
  return last || plainAddress(remoteAddress ?? 'unknown');
}

function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

/**
 * The header a function sees: the caller's without credentials meant for the platform, plus what the gateway says of the
 * request. The last value is the deadline, left empty: `setDeadline` writes it at each attempt.
 */
export function forwardHeaders(scan: ScannedHeaders, facts: ForwardFacts): string[] {
  const list = scan.forward;
  if (facts.authentication === 'none') {
    if (scan.authorization !== undefined) list.push('authorization', scan.authorization);
    if (scan.apiKey !== undefined) list.push('x-api-key', scan.apiKey);
  } else if (scan.authorization !== undefined && !BEARER.test(scan.authorization)) {
    // Not what the platform reads (the credential was elsewhere), so it is meant for the function.
    list.push('authorization', scan.authorization);
  }
  if (scan.host !== '') list.push('host', scan.host);
  if (facts.streamed && scan.contentLength >= 0) list.push('content-length', String(scan.contentLength));
  if (scan.traceparent !== undefined && isTraceparent(scan.traceparent)) {
    list.push('traceparent', scan.traceparent);
    if (scan.tracestate !== undefined) list.push('tracestate', scan.tracestate);
  } else {
    list.push('traceparent', newTraceparent());
  }
  pushForwarded(list, scan, facts);
  // The token was verified by now, or the request refused.
  if (scan.internal !== undefined && scan.trigger !== undefined) list.push(HEADER.trigger, scan.trigger);
  if (scan.internal !== undefined && scan.dueAt !== undefined) list.push(HEADER.dueAt, scan.dueAt);
  list.push(HEADER.requestId, facts.requestId, HEADER.deadline, '');
  return list;
}

function pushForwarded(list: string[], scan: ScannedHeaders, facts: ForwardFacts): void {
  const address = plainAddress(facts.remoteAddress);
  const trusted = facts.trustForwarded;
  list.push('x-forwarded-for', trusted && scan.forwardedFor !== undefined ? `${scan.forwardedFor}, ${address}` : address);
  list.push('x-forwarded-proto', (trusted ? scan.forwardedProto : undefined) ?? (facts.encrypted ? 'https' : 'http'));
  const host = (trusted ? scan.forwardedHost : undefined) ?? scan.host;
  if (host !== '') list.push('x-forwarded-host', host);
}

/** @param deadline epoch ms at which the caller stops waiting. */
export function setDeadline(headers: string[], deadline: number): void {
  headers[headers.length - 1] = String(deadline);
}
