import { isUtf8 } from 'node:buffer';
import { RefusedRequest } from './refused-request.ts';

/** Attributes of a CloudEvent as its JSON format names them, extensions beside them; the data is in the event. */
export type CloudEvent = Record<string, unknown> & { specversion: '1.0'; id: string; source: string; type: string };

/** A request as the handler sees it. `body` is the data as bytes and no enumerable field, so that an event can be returned or logged as JSON. */
export interface Event {
  /** The CloudEvent's id, else the request id. */
  id: string;
  method: string;
  /** As sent, not decoded. */
  path: string;
  /** First value of each name, decoded. */
  query: Record<string, string>;
  rawQuery: string;
  /** Lower-case names; repeated ones joined. */
  headers: Record<string, string>;
  /** JSON as a value, `text/*` as a string, otherwise null. */
  data: unknown;
  cloudevent: CloudEvent | null;
  readonly body: Buffer;
}

/** Headers of one hop: no handler's business. */
const HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'expect']);

/** Node's list of names and values to one object, joining what repeats. */
export function joinHeaders(raw: string[]): Record<string, string> {
  const headers = Object.create(null) as Record<string, string>;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    const value = raw[index + 1]!;
    if (HOP.has(name)) continue;
    const present = headers[name];
    if (present === undefined) headers[name] = value;
    else if (name === 'host') throw new RefusedRequest(400, 'RequestRefused', 'The header host came twice.');
    else if (name !== 'content-length') headers[name] = present + (name === 'cookie' ? '; ' : ', ') + value;
  }
  return headers;
}

export function mediaType(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
}

export function isJson(kind: string): boolean {
  return /^application\/(?:[a-z0-9!#$&^_.-]+\+)?json$/.test(kind);
}

function parseJson(body: Buffer): unknown {
  try {
    if (!isUtf8(body)) throw new Error('it is not UTF-8');
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch (error) {
    throw new RefusedRequest(400, 'InvalidJson', `The body is not valid JSON: ${(error as Error).message}`);
  }
}

function readData(kind: string, body: Buffer, encoded: boolean): unknown {
  if (body.length === 0 || encoded) return null;
  if (isJson(kind)) return parseJson(body);
  return kind.startsWith('text/') ? body.toString('utf8') : null;
}

function readQuery(raw: string): Record<string, string> {
  const query = Object.create(null) as Record<string, string>;
  if (raw !== '') for (const [name, value] of new URLSearchParams(raw)) query[name] ??= value;
  return query;
}

/** As CloudEvents demand it of `time`. */
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

function badCloudEvent(message: string): RefusedRequest {
  return new RefusedRequest(400, 'InvalidCloudEvent', message);
}

function checkCloudEvent(attributes: Record<string, unknown>): CloudEvent {
  for (const name in attributes) if (!/^[a-z0-9]+$/.test(name)) throw badCloudEvent(`The attribute name ${JSON.stringify(name)} has other characters than a-z and 0-9.`);
  if (attributes['specversion'] !== '1.0') throw badCloudEvent(`specversion is ${JSON.stringify(attributes['specversion'])}; this runtime reads 1.0.`);
  for (const name of ['id', 'source', 'type']) {
    if (typeof attributes[name] !== 'string' || attributes[name] === '') throw badCloudEvent(`The attribute "${name}" is missing or empty.`);
  }
  for (const name of ['subject', 'time', 'datacontenttype', 'dataschema']) {
    if (attributes[name] !== undefined && typeof attributes[name] !== 'string') throw badCloudEvent(`The attribute "${name}" is not a string.`);
  }
  const time = attributes['time'] as string | undefined;
  if (time !== undefined && !RFC_3339.test(time)) throw badCloudEvent('The attribute "time" is no RFC 3339 time.');
  return attributes as CloudEvent;
}

/** Percent escapes of binary mode; text that is no valid escape stays as it is. */
function unescape(value: string): string {
  try {
    return value.includes('%') ? decodeURIComponent(value) : value;
  } catch {
    return value;
  }
}

function binaryAttributes(headers: Record<string, string>): CloudEvent {
  const attributes = Object.create(null) as Record<string, unknown>;
  for (const name in headers) if (name.startsWith('ce-')) attributes[name.slice(3)] = unescape(headers[name]!);
  if (headers['content-type']) attributes['datacontenttype'] = headers['content-type'];
  return checkCloudEvent(attributes);
}

function decodeBase64(text: unknown): Buffer {
  if (typeof text !== 'string' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw badCloudEvent('data_base64 is not base64.');
  return Buffer.from(text, 'base64');
}

function structured(raw: Buffer): { cloudevent: CloudEvent; data: unknown; body: Buffer } {
  const envelope = parseJson(raw);
  if (typeof envelope !== 'object' || envelope === null || Array.isArray(envelope)) throw badCloudEvent('The body is not a JSON object.');
  const { data = null, data_base64: encoded = null, ...rest } = envelope as Record<string, unknown>;
  if (data !== null && encoded !== null) throw badCloudEvent('data and data_base64 exclude each other.');
  const attributes = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of Object.entries(rest)) {
    if (value === null) continue;
    attributes[name] = value;
  }
  const cloudevent = checkCloudEvent(attributes);
  const kind = mediaType((attributes['datacontenttype'] as string | undefined) ?? '');
  if (encoded !== null) {
    const body = decodeBase64(encoded);
    return { cloudevent, data: readData(kind, body, false), body };
  }
  const asText = typeof data === 'string' && kind !== '' && !isJson(kind);
  return { cloudevent, data, body: data === null ? Buffer.alloc(0) : Buffer.from(asText ? data : JSON.stringify(data)) };
}

/** The path and query of a target, for proxies that send the whole address. */
function originForm(target: string): string {
  if (!/^https?:\/\//.test(target)) return target;
  const rest = target.slice(target.indexOf('://') + 3).replace(/^[^/?]*/, '');
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** Path (as sent) and raw query of a request target. */
export function splitTarget(target: string): { path: string; rawQuery: string } {
  const whole = originForm(target);
  const cut = whole.indexOf('?');
  return cut < 0 ? { path: whole, rawQuery: '' } : { path: whole.slice(0, cut), rawQuery: whole.slice(cut + 1) };
}

/** Builds the event; throws {@link RefusedRequest} (400, 415) for what no handler should see. */
export function buildEvent(method: string, target: string, headers: Record<string, string>, raw: Buffer, requestId: string): Event {
  const { path, rawQuery } = splitTarget(target);
  const kind = mediaType(headers['content-type'] ?? '');
  let cloudevent: CloudEvent | null = null;
  let data: unknown;
  let body = raw;
  if (kind === 'application/cloudevents+json') {
    ({ cloudevent, data, body } = structured(raw));
  } else if (kind.startsWith('application/cloudevents')) {
    throw new RefusedRequest(415, 'UnsupportedMediaType', `${kind} is not supported: send one event a request, as application/cloudevents+json or in binary mode.`);
  } else {
    if (headers['ce-specversion'] !== undefined) cloudevent = binaryAttributes(headers);
    data = readData(kind, raw, (headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity');
  }
  const event = { id: cloudevent?.id ?? requestId, method, path, query: readQuery(rawQuery), rawQuery, headers, data, cloudevent };
  return Object.defineProperty(event, 'body', { value: body, enumerable: false }) as Event;
}
