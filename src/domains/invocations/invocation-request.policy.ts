import type { FieldProblem } from '../../platform/errors/domain-error.js';

/** Largest body taken through the API; larger ones go to the function's own address, where they are streamed. */
export const MAX_PAYLOAD_BYTES = 6 * 1024 * 1024;

export const INVOCATION_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export type InvocationMethod = (typeof INVOCATION_METHODS)[number];

export const MAX_PATH = 4096;
const MAX_HEADERS = 50;
const MAX_HEADER_BYTES = 8 * 1024;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Fields that belong to one connection, to the platform, or to the caller's sign-in: never the function's. */
const KEPT_BACK = /^(?:authorization|x-api-key|cookie2?|host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|content-length|upgrade|expect|x-request-id|x-real-ip|x-fnplane-.*|x-forwarded-.*)$/;

/** What of a REST request's own header is meant for the function. */
const PASSED_ON = /^(?:content-type|content-encoding|content-language|accept|accept-language|prefer|user-agent|idempotency-key|traceparent|tracestate|baggage|ce-.+|x-.+)$/;

/** The caller's header fields that go on to the function. */
export function passedOn(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && PASSED_ON.test(name) && !KEPT_BACK.test(name)) passed[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return passed;
}

/** Wrong entries of header fields a caller names in an input; their values are not repeated. */
export function headerProblems(headers: Readonly<Record<string, unknown>>): FieldProblem[] {
  const entries = Object.entries(headers);
  if (entries.length > MAX_HEADERS) return [{ pointer: '/headers', message: `must have at most ${MAX_HEADERS} entries` }];
  let bytes = 0;
  const problems: FieldProblem[] = [];
  const seen = new Set<string>();
  for (const [name, value] of entries) {
    const lower = name.toLowerCase();
    const message = headerProblem(lower, value) ?? (seen.has(lower) ? 'is named twice' : undefined);
    seen.add(lower);
    if (message !== undefined) problems.push({ pointer: `/headers/${name.slice(0, 80).replaceAll('~', '~0').replaceAll('/', '~1')}`, message });
    else bytes += name.length + (value as string).length;
  }
  if (bytes > MAX_HEADER_BYTES) problems.push({ pointer: '/headers', message: `must have at most ${MAX_HEADER_BYTES} characters in all` });
  return problems;
}

function headerProblem(lower: string, value: unknown): string | undefined {
  if (!HEADER_NAME.test(lower)) return 'is not the name of a header field';
  if (KEPT_BACK.test(lower)) return 'is set by the platform and cannot be given';
  if (typeof value !== 'string' || !HEADER_VALUE.test(value)) return 'must be text without line breaks and control characters';
  return undefined;
}

/** Dot segments and characters below the printable ones, once percent-encoding is undone; encoded slashes divide segments too. */
const UNSAFE_DECODED = /(?:^|[/\\])\.{1,2}(?:[/\\]|$)|[\\\u0000-\u001f\u007f]/;

/** Why a path cannot be passed on; the gateway refuses the same ones. A query may follow it. */
export function pathProblem(target: string): string | undefined {
  if (!target.startsWith('/')) return 'must begin with /';
  if (target.length > MAX_PATH) return `must have at most ${MAX_PATH} characters`;
  if (!/^[\u0021-\u007e]+$/.test(target) || target.includes('#')) return 'must hold visible ASCII characters only and no #; percent-encode all others';
  const path = target.split('?', 1)[0]!;
  if (/%(?![0-9a-fA-F]{2})/.test(path)) return 'has a percent sign that begins no encoded character';
  if (UNSAFE_DECODED.test(path.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))))) return 'must have no dot segments, backslashes or control characters';
  return undefined;
}
