/** What the gateway needs to know of a request's header fields, and the fields that pass on to the function. */
export interface ScannedHeaders {
  /** Flat name/value list without hop-by-hop fields, credentials and everything the gateway sets itself. */
  forward: string[];
  host: string;
  authorization: string | undefined;
  apiKey: string | undefined;
  /** `x-fnplane-internal` and the deadline its sender asks for; only looked at after the token was verified. */
  internal: string | undefined;
  deadline: string | undefined;
  /** What the platform says started it: the same holds for these. */
  trigger: string | undefined;
  dueAt: string | undefined;
  /** Declared body size; -1 when none is declared. */
  contentLength: number;
  chunked: boolean;
  requestId: string | undefined;
  traceparent: string | undefined;
  tracestate: string | undefined;
  forwardedFor: string | undefined;
  forwardedProto: string | undefined;
  forwardedHost: string | undefined;
  /** Why the request must be refused with 400, if so. */
  problem: string | undefined;
}

const PASS = 0;
const DROP = 1;
const CONNECTION = 2;
const HOST = 3;
const AUTHORIZATION = 4;
const API_KEY = 5;
const INTERNAL = 6;
const DEADLINE = 7;
const CONTENT_LENGTH = 8;
const TRANSFER_ENCODING = 9;
const REQUEST_ID = 10;
const TRACEPARENT = 11;
const TRACESTATE = 12;
const FORWARDED_FOR = 13;
const FORWARDED_PROTO = 14;
const FORWARDED_HOST = 15;
const TRIGGER = 16;
const DUE_AT = 17;

const KIND = new Map<string, number>([
  // RFC 9110 7.6.1, and what older proxies use for the same end.
  ...['keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'http2-settings', 'proxy-authorization', 'proxy-authenticate',
    // Answered by the gateway itself; claims about the caller that only the gateway may make.
    'expect', 'forwarded', 'x-real-ip', 'x-forwarded-port', 'x-forwarded-prefix', 'x-forwarded-server'].map((name): [string, number] => [name, DROP]),
  ['connection', CONNECTION], ['host', HOST], ['authorization', AUTHORIZATION], ['x-api-key', API_KEY],
  ['x-fnplane-internal', INTERNAL], ['x-fnplane-deadline', DEADLINE], ['x-fnplane-trigger', TRIGGER], ['x-fnplane-due-at', DUE_AT], ['content-length', CONTENT_LENGTH], ['transfer-encoding', TRANSFER_ENCODING],
  ['x-request-id', REQUEST_ID], ['traceparent', TRACEPARENT], ['tracestate', TRACESTATE],
  ['x-forwarded-for', FORWARDED_FOR], ['x-forwarded-proto', FORWARDED_PROTO], ['x-forwarded-host', FORWARDED_HOST],
]);

/** Spellings seen so far (`Host`, `host`): saves lower-casing each field of each request. Bounded, as callers choose names. */
const seen = new Map<string, number>();
const SEEN_LIMIT = 512;

function kindOf(name: string): number {
  const known = seen.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const kind = KIND.get(lower) ?? (lower.startsWith('x-fnplane-') ? DROP : PASS);
  if (seen.size < SEEN_LIMIT && name.length <= 64) seen.set(name, kind);
  return kind;
}

/** Removes the fields a `Connection` header declares hop-by-hop for this connection. */
function dropConnectionFields(forward: string[], connection: string): string[] {
  const listed = new Set(connection.toLowerCase().split(',').map((token) => token.trim()));
  const kept: string[] = [];
  for (let i = 0; i < forward.length; i += 2) {
    if (!listed.has(forward[i]!.toLowerCase())) kept.push(forward[i]!, forward[i + 1]!);
  }
  return kept;
}

function isPlainConnection(value: string): boolean {
  return value === 'keep-alive' || value === 'Keep-Alive' || value === 'close';
}

/** One look at each raw field, in the order they came. Repeated `Host`, `Authorization` and the like are ambiguous: refused. */
export function scanRequestHeaders(raw: readonly string[]): ScannedHeaders {
  const scan: ScannedHeaders = {
    forward: [], host: '', authorization: undefined, apiKey: undefined, internal: undefined, deadline: undefined, trigger: undefined, dueAt: undefined, contentLength: -1, chunked: false,
    requestId: undefined, traceparent: undefined, tracestate: undefined, forwardedFor: undefined, forwardedProto: undefined,
    forwardedHost: undefined, problem: undefined,
  };
  const forward = scan.forward;
  let hosts = 0;
  let connection: string | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const value = raw[i + 1]!;
    const kind = kindOf(raw[i]!);
    if (kind === PASS) {
      forward.push(raw[i]!, value);
      continue;
    }
    if (kind === DROP) continue;
    switch (kind) {
      case CONNECTION: if (!isPlainConnection(value)) connection = connection === undefined ? value : `${connection},${value}`; break;
      case HOST: scan.host = value; hosts++; break;
      case AUTHORIZATION: if (scan.authorization !== undefined) scan.problem = 'more than one Authorization header'; scan.authorization = value; break;
      case API_KEY: if (scan.apiKey !== undefined) scan.problem = 'more than one X-Api-Key header'; scan.apiKey = value; break;
      case INTERNAL: if (scan.internal !== undefined) scan.problem = 'a repeated header'; scan.internal = value; break;
      case DEADLINE: scan.deadline = value; break;
      case TRIGGER: scan.trigger = value; break;
      case DUE_AT: scan.dueAt = value; break;
      case CONTENT_LENGTH: readContentLength(scan, value); break;
      case TRANSFER_ENCODING: readTransferEncoding(scan, value); break;
      case REQUEST_ID: scan.requestId = value; break;
      case TRACEPARENT: scan.traceparent = value; break;
      case TRACESTATE: scan.tracestate = scan.tracestate === undefined ? value : `${scan.tracestate},${value}`; break;
      case FORWARDED_FOR: scan.forwardedFor = scan.forwardedFor === undefined ? value : `${scan.forwardedFor}, ${value}`; break;
      case FORWARDED_PROTO: scan.forwardedProto = value; break;
      default: scan.forwardedHost = value;
    }
  }
  if (hosts > 1) scan.problem = 'more than one Host header';
  if (scan.chunked && scan.contentLength >= 0) scan.problem = 'both Content-Length and Transfer-Encoding';
  if (connection !== undefined) scan.forward = dropConnectionFields(forward, connection);
  return scan;
}

function readContentLength(scan: ScannedHeaders, value: string): void {
  if (scan.contentLength >= 0) scan.problem = 'more than one Content-Length header';
  else if (!/^\d{1,15}$/.test(value)) scan.problem = 'a Content-Length that is not a number';
  else scan.contentLength = Number(value);
}

/** Only `chunked` is understood by every hop: other codings are refused rather than passed on undone. */
function readTransferEncoding(scan: ScannedHeaders, value: string): void {
  if (scan.chunked) scan.problem = 'more than one Transfer-Encoding header';
  else if (value.toLowerCase() !== 'chunked') scan.problem = 'a Transfer-Encoding other than chunked';
  scan.chunked = true;
}

const REQUEST_ID_FORMAT = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
const TRACEPARENT_FORMAT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

export function isRequestId(value: string): boolean {
  return REQUEST_ID_FORMAT.test(value);
}

/** W3C Trace Context, version 00 and compatible later ones of the same length. */
export function isTraceparent(value: string): boolean {
  return TRACEPARENT_FORMAT.test(value);
}
