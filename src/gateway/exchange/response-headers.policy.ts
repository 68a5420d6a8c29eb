import { HEADER } from '../../contract/runtime.js';

/** Hop-by-hop fields of an answer, and those the gateway writes itself. */
const DROPPED = new Set([
  'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'proxy-authenticate',
  HEADER.requestId, HEADER.servedBy,
]);

function isPlain(connection: string | string[]): boolean {
  return connection === 'keep-alive' || connection === 'close';
}

/**
 * The answer's fields as they pass to the caller: a flat name/value list for `writeHead`, everything unchanged but
 * hop-by-hop fields, with the request id and who served it added.
 * @param crossOrigin in place of what the function says of other origins, where the gateway keeps the rules
 */
export function responseHeaders(headers: Readonly<Record<string, string | string[] | undefined>>, requestId: string, servedBy: string, crossOrigin?: readonly string[]): string[] {
  const list: string[] = [];
  const connection = headers.connection;
  const listed = connection === undefined || isPlain(connection) ? undefined
    : new Set(String(connection).toLowerCase().split(',').map((token) => token.trim()));
  for (const name in headers) {
    if (DROPPED.has(name) || listed?.has(name)) continue;
    if (crossOrigin !== undefined && name.startsWith('access-control-')) continue;
    const value = headers[name];
    if (typeof value === 'string') list.push(name, value);
    else if (value) for (const one of value) list.push(name, one);
  }
  list.push(HEADER.requestId, requestId, HEADER.servedBy, servedBy);
  if (crossOrigin !== undefined) list.push(...crossOrigin);
  return list;
}
