import type { RuntimeError } from '../../../src/contract/runtime.ts';
import { isJson, mediaType } from './event.ts';

export interface Answer {
  status: number;
  /** Pairs; a name may come more than once. */
  headers: [string, string][];
  body: Buffer;
}

/** The handler returned something that is no answer: its author's error, so a 500 with source `handler`. */
export class InvalidResponse extends Error {
  override readonly name = 'InvalidResponse';
}

const JSON_TYPE = 'application/json';
const EMPTY = Buffer.alloc(0);
const MESSAGE_LIMIT = 2000;
const RESPONSE_KEYS = new Set(['statusCode', 'headers', 'body', 'isBase64']);
/** What a handler answers a CloudEvent with. */
const EVENT_KEYS = new Set(['cloudevent', 'data']);
/** Set by the server alone; a handler's own values are dropped. */
const SERVER_HEADERS = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'upgrade', 'trailer', 'x-request-id']);

export function errorAnswer(status: number, type: string, message: string, source: 'handler' | 'platform', extra: [string, string][] = []): Answer {
  const body: RuntimeError = { error: { type, message: message.slice(0, MESSAGE_LIMIT) } };
  return { status, headers: [['content-type', JSON_TYPE], ['x-fnplane-error-source', source], ...extra], body: Buffer.from(JSON.stringify(body)) };
}

/** Name and message of anything that can be thrown. */
export function describeError(error: unknown): { type: string; message: string; stack: string } {
  if (error instanceof Error) {
    const named = error.name !== 'Error' ? error.name : error.constructor.name;
    return { type: named || 'Error', message: error.message, stack: error.stack ?? '' };
  }
  return { type: 'Error', message: String(error), stack: '' };
}

/** Type and message of what the handler threw; the stack goes to the log only. */
export function raisedAnswer(error: unknown): Answer {
  const { type, message } = describeError(error);
  return errorAnswer(500, type, message, 'handler');
}

function toJson(value: unknown): Buffer {
  const text = JSON.stringify(value);
  if (text === undefined) throw new InvalidResponse(`a value of type ${typeof value} has no JSON form`);
  return Buffer.from(text);
}

function bytesOf(value: unknown): Buffer | null {
  if (Buffer.isBuffer(value)) return value;
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return value instanceof ArrayBuffer ? Buffer.from(value) : null;
}

function* headerPairs(headers: unknown): Generator<[string, string]> {
  if (typeof headers !== 'object' || headers === null) throw new InvalidResponse('headers is not an object');
  for (const [name, value] of headers instanceof Map ? headers : Object.entries(headers)) {
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) throw new InvalidResponse(`${JSON.stringify(name)} is no header name`);
    const lower = String(name).toLowerCase();
    if (SERVER_HEADERS.has(lower) || lower.startsWith('x-fnplane-')) continue;
    for (const one of Array.isArray(value) ? value : [value]) {
      const text = String(one);
      if (!/^[\t\x20-\x7e]*$/.test(text)) throw new InvalidResponse(`header ${name} has a value that HTTP does not allow`);
      yield [lower, text];
    }
  }
}

function bodyOf(body: unknown, isBase64: boolean): { body: Buffer; type: string | null } {
  if (body === null || body === undefined) return { body: EMPTY, type: null };
  const bytes = bytesOf(body);
  if (bytes) return { body: bytes, type: 'application/octet-stream' };
  if (typeof body !== 'string') return { body: toJson(body), type: JSON_TYPE };
  if (!isBase64) return { body: Buffer.from(body), type: 'text/plain; charset=utf-8' };
  if (body.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(body)) throw new InvalidResponse('isBase64 is set, but body is not base64');
  return { body: Buffer.from(body, 'base64'), type: 'application/octet-stream' };
}

function build(status: unknown, headers: [string, string][], content: { body: Buffer; type: string | null }): Answer {
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 599) {
    throw new InvalidResponse(`statusCode is ${JSON.stringify(status)}, not a whole number from 200 to 599`);
  }
  if (status === 204 || status === 304) return { status, headers, body: EMPTY };
  if (content.type !== null && !headers.some(([name]) => name === 'content-type')) headers.push(['content-type', content.type]);
  return { status, headers, body: content.body };
}

function attributeText(name: string, value: unknown): string {
  if (!/^[a-z0-9]+$/.test(name) || name === 'data') throw new InvalidResponse(`${JSON.stringify(name)} is no name of a CloudEvent's attribute`);
  if (typeof value !== 'string' && typeof value !== 'boolean' && !Number.isInteger(value)) throw new InvalidResponse(`the attribute ${name} of the CloudEvent is neither text, whole number nor boolean`);
  return String(value).toWellFormed().replace(/[^!#$&-~]/gu, (character) => (character === "'" ? character : encodeURIComponent(character)));
}

/** Binary mode: attributes as header fields, the data as the body. */
function cloudEventAnswer(given: Record<string, unknown>, data: unknown): Answer {
  const { datacontenttype = null, ...attributes } = { specversion: '1.0', ...given };
  for (const name of ['id', 'source', 'type']) if (typeof given[name] !== 'string' || given[name] === '') throw new InvalidResponse(`the CloudEvent has no ${name}`);
  const headers = Object.entries(attributes).filter(([, value]) => value !== null && value !== undefined).map(([name, value]): [string, string] => [`ce-${name}`, attributeText(name, value)]);
  const kind = typeof datacontenttype === 'string' ? datacontenttype : '';
  if (kind !== '') headers.push(...headerPairs({ 'content-type': kind }));
  const bytes = bytesOf(data);
  if (bytes) return build(200, headers, { body: bytes, type: 'application/octet-stream' });
  if (data === null || data === undefined) return build(200, headers, { body: EMPTY, type: null });
  const asText = typeof data === 'string' && kind !== '' && !isJson(mediaType(kind));
  return build(200, headers, asText ? { body: Buffer.from(data), type: null } : { body: toJson(data), type: JSON_TYPE });
}

function isWebResponse(value: object): value is Response {
  return value.constructor?.name === 'Response' && typeof (value as Response).arrayBuffer === 'function';
}

/**
 * `null` and `undefined` are 204, bytes are a raw body, a web `Response` or an object with `statusCode` and no keys but
 * `headers`, `body`, `isBase64` is an answer of its own, one with a `cloudevent` and no keys but `data` is a CloudEvent, anything else is JSON. Rejects with what the conversion throws.
 */
export async function returnedAnswer(value: unknown): Promise<Answer> {
  if (value === null || value === undefined) return { status: 204, headers: [], body: EMPTY };
  const bytes = bytesOf(value);
  if (bytes) return { status: 200, headers: [['content-type', 'application/octet-stream']], body: bytes };
  if (typeof value === 'object') {
    if (isWebResponse(value)) {
      const headers = [...headerPairs(new Map(value.headers))].filter(([name]) => name !== 'set-cookie');
      for (const cookie of value.headers.getSetCookie()) headers.push(...headerPairs({ 'set-cookie': cookie }));
      return build(value.status, headers, { body: Buffer.from(await value.arrayBuffer()), type: null });
    }
    if ('statusCode' in value && Object.keys(value).every((key) => RESPONSE_KEYS.has(key))) {
      const given = value as { statusCode: unknown; headers?: unknown; body?: unknown; isBase64?: unknown };
      return build(given.statusCode, [...headerPairs(given.headers ?? {})], bodyOf(given.body, given.isBase64 === true));
    }
    const { cloudevent, data } = value as { cloudevent?: unknown; data?: unknown };
    if (typeof cloudevent === 'object' && cloudevent !== null && !Array.isArray(cloudevent) && Object.keys(value).every((key) => EVENT_KEYS.has(key))) return cloudEventAnswer(cloudevent as Record<string, unknown>, data);
  }
  return { status: 200, headers: [['content-type', JSON_TYPE]], body: toJson(value) };
}
