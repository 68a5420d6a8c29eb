/** Where a request goes: `key` is `<tenant>/<function>`, `path` what the function sees as its request target. */
export interface Address {
  key: string;
  path: string;
}

/** Hosts whose paths functions have by triggers. */
export interface TriggerHosts<Found> {
  readonly isEmpty: boolean;
  hasHost(host: string): boolean;
  find(host: string, path: string): Found | undefined;
}

/** A request to a host and path that a function has by a trigger. `target` is as it was asked for, its query included. */
export interface TriggeredAddress<Found> {
  triggered: Found;
  target: string;
}

/** `malformed`: the request target is refused (400); `unknown`: it cannot name any function (404). */
export type AddressProblem = 'malformed' | 'unknown';

const SLASH = 47;
const DOT = 46;
const PERCENT = 37;
const QUESTION = 63;
const HASH = 35;
const BACKSLASH = 92;

/** Dot segments, backslashes and control characters once percent-encoding is undone; an encoded slash divides segments too. */
const UNSAFE_DECODED = /(?:^|[/\\])\.{1,2}(?:[/\\]|$)|[\\\u0000-\u001f\u007f]/;

/**
 * Whether a request target is one that every hop reads in the same way: visible ASCII, valid percent-encoding, and no dot
 * segment or backslash, encoded or not, that a later hop could resolve into another function's address.
 */
function isUnambiguous(target: string): boolean {
  let end = target.length;
  let suspicious = false;
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code <= 32 || code >= 127 || code === HASH) return false;
    if (end !== target.length) continue;
    if (code === QUESTION) end = i;
    else if (code === BACKSLASH) return false;
    else if (code === PERCENT) suspicious = true;
    else if (code === DOT && target.charCodeAt(i - 1) === SLASH) suspicious = true;
  }
  if (!suspicious) return true;
  const path = target.slice(0, end);
  for (let i = path.indexOf('%'); i >= 0; i = path.indexOf('%', i + 1)) {
    if (!/^[0-9a-fA-F]{2}$/.test(path.slice(i + 1, i + 3))) return false;
  }
  return !UNSAFE_DECODED.test(path.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))));
}

/** The end of the segment that starts at `from`: the next `/`, `?` or the end. */
function segmentEnd(target: string, from: number): number {
  for (let i = from; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code === SLASH || code === QUESTION) return i;
  }
  return target.length;
}

/** What is left of a target after its address: always starts with `/`. */
function restOf(target: string, from: number): string {
  if (from === target.length) return '/';
  return target.charCodeAt(from) === SLASH ? target.slice(from) : `/${target.slice(from)}`;
}

/** Of a `Host` header: in lower case, without a port. */
function nameOf(host: string): string {
  const colon = host.lastIndexOf(':');
  return (colon > host.lastIndexOf(']') ? host.slice(0, colon) : host).toLowerCase();
}

/** `pay.shop.fn.example` and `.fn.example` give `shop/pay`; undefined when the name is not below the domain. */
function keyFromHost(name: string, hostSuffix: string): string | 'unknown' | undefined {
  if (!name.endsWith(hostSuffix)) return undefined;
  const labels = name.slice(0, -hostSuffix.length).split('.');
  return labels.length === 2 && labels[0] && labels[1] ? `${labels[1]}/${labels[0]}` : 'unknown';
}

function keyFromPath(target: string): Address | 'unknown' {
  const tenantEnd = segmentEnd(target, 1);
  if (tenantEnd === 1 || target.charCodeAt(tenantEnd) !== SLASH) return 'unknown';
  const functionEnd = segmentEnd(target, tenantEnd + 1);
  if (functionEnd === tenantEnd + 1) return 'unknown';
  return { key: target.slice(1, functionEnd), path: restOf(target, functionEnd) };
}

/** Path of a target, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

/**
 * Reads the address of a request: by host (`<function>.<tenant><hostSuffix>`) where a base domain is configured and the
 * host lies below it, by the triggers of the host where it has any, by path (`/<tenant>/<function>[/rest][?query]`) otherwise. An
 * absolute-form target brings its own host. Names are taken as they are: a name with an encoded character matches nothing.
 */
export function readAddress<Found = never>(target: string, host: string, hostSuffix: string | undefined, triggers?: TriggerHosts<Found>): Address | TriggeredAddress<Found> | AddressProblem {
  if (target.charCodeAt(0) !== SLASH) {
    const absolute = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target);
    if (!absolute?.[1]) return 'malformed';
    host = absolute[1];
    target = absolute[2]?.startsWith('/') ? absolute[2] : `/${absolute[2] ?? ''}`;
  }
  if (!isUnambiguous(target)) return 'malformed';
  const hosted = triggers !== undefined && !triggers.isEmpty;
  if (hostSuffix === undefined && !hosted) return keyFromPath(target);
  const name = nameOf(host);
  const key = hostSuffix === undefined ? undefined : keyFromHost(name, hostSuffix);
  if (key === 'unknown') return 'unknown';
  if (key !== undefined) return { key, path: target };
  if (!hosted || !triggers.hasHost(name)) return keyFromPath(target);
  const triggered = triggers.find(name, pathOf(target));
  return triggered === undefined ? 'unknown' : { triggered, target };
}
