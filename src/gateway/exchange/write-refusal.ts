import type { IncomingMessage, ServerResponse } from 'node:http';
import { HEADER } from '../../contract/runtime.js';
import { HTTP_METHODS } from '../../contract/triggers.js';
import { problemDocument, REFUSALS, type RefusalCode } from '../refusals.policy.js';
import type { GatewayResponse } from './gateway-response.js';

export interface RefusalExtras {
  /** In place of the code's own words. */
  detail?: string;
  retryAfterSeconds?: number;
  /** Requests per second of the tenant, for the rate-limit fields. */
  rateLimit?: number;
  /** Methods that the address takes; the gateway's own when absent. */
  allow?: string;
}

/** How much of a body nobody wants is still read, so that the caller gets to read the answer in place of a reset. */
const LINGER_BYTES = 256 * 1024;
const LINGER_MS = 1000;

function refusalHeaders(code: RefusalCode, requestId: string, body: string, extras: RefusalExtras): string[] {
  const list = [
    'content-type', 'application/problem+json', 'content-length', String(Buffer.byteLength(body)), 'cache-control', 'no-store',
    HEADER.requestId, requestId, HEADER.errorSource, 'platform',
  ];
  const { status } = REFUSALS[code];
  if (status === 401) list.push('www-authenticate', code === 'CREDENTIAL_INVALID' ? 'Bearer realm="fnplane", error="invalid_token"' : 'Bearer realm="fnplane"');
  if (code === 'TOKEN_CLAIMS_INSUFFICIENT') list.push('www-authenticate', 'Bearer realm="fnplane", error="insufficient_scope"');
  if (status === 405) list.push('allow', extras.allow ?? HTTP_METHODS.join(', '));
  if (extras.retryAfterSeconds !== undefined) list.push('retry-after', String(extras.retryAfterSeconds));
  if (extras.rateLimit !== undefined) {
    list.push('ratelimit-limit', String(extras.rateLimit), 'ratelimit-remaining', '0', 'ratelimit-reset', String(extras.retryAfterSeconds ?? 1));
  }
  return list;
}

/** Answers in place of a function. A body still on its way is read for a moment and then cut off with the connection. */
export function writeRefusal(request: IncomingMessage, response: GatewayResponse, code: RefusalCode, requestId: string, extras: RefusalExtras = {}): void {
  if (response.headersSent || response.destroyed) return;
  const body = problemDocument(code, requestId, extras.detail);
  const headers = refusalHeaders(code, requestId, body, extras);
  if (response.crossOrigin !== undefined) headers.push(...response.crossOrigin);
  const unread = !request.complete && (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined);
  if (!unread) {
    response.writeHead(REFUSALS[code].status, headers).end(request.method === 'HEAD' ? undefined : body);
    return;
  }
  response.shouldKeepAlive = false;
  response.writeHead(REFUSALS[code].status, headers).write(request.method === 'HEAD' ? '' : body);
  linger(request, response);
}

function linger(request: IncomingMessage, response: ServerResponse): void {
  let left = LINGER_BYTES;
  const end = (): void => {
    clearTimeout(timer);
    request.off('data', onData).off('end', end);
    response.end();
  };
  const onData = (chunk: Buffer): void => {
    left -= chunk.length;
    if (left < 0) end();
  };
  const timer = setTimeout(end, LINGER_MS).unref();
  request.on('data', onData).once('end', end);
  response.once('close', () => clearTimeout(timer));
  request.resume();
}
