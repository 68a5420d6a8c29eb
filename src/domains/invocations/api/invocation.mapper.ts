import type { InvocationResult, InvokeFunction } from '../invocations.service.js';
import { passedOn } from '../invocation-request.policy.js';
import type { InvocationQuery, InvokeFunctionInput, InvokeFunctionPayload } from './invocation.model.js';

const JSON_TYPE = /^application\/(?:[-+.\w]+\+)?json\s*(?:;|$)/i;
const FATAL_UTF8 = new TextDecoder('utf-8', { fatal: true });

/** A REST request: its header fields meant for the function, and its body byte by byte. */
export function fromRequest(name: string, query: InvocationQuery, headers: Readonly<Record<string, string | string[] | undefined>>, body: Buffer | undefined): InvokeFunction {
  return { function: name, method: query.method, path: query.path, pathPointer: '?path', headers: passedOn(headers), body };
}

/** A mutation's input. @param payload its payload as JSON text, taken before validation. */
export function fromInput(input: InvokeFunctionInput, payload: Buffer | undefined): InvokeFunction {
  const { idempotencyKey } = input;
  const headers: Record<string, string> = { ...input.headers };
  const given = new Set(Object.keys(headers).map((header) => header.toLowerCase()));
  if (payload !== undefined && !given.has('content-type')) headers['content-type'] = 'application/json';
  if (idempotencyKey !== undefined && idempotencyKey !== null && !given.has('idempotency-key')) headers['idempotency-key'] = idempotencyKey;
  return {
    function: input.function, method: input.method ?? 'POST', path: input.path ?? '/', pathPointer: '/path', headers,
    body: payload,
  };
}

/** JSON bodies as values, all others (also ones that only claim to be JSON, or are compressed) as base64. */
export function toInvocationPayload(result: InvocationResult): Omit<InvokeFunctionPayload, 'userErrors'> {
  const { invocationId, status, contentType, revision, errorSource, durationMs } = result;
  return { invocationId, status, contentType, revision, errorSource, durationMs, ...bodyOf(result) };
}

/** An answer's body: as a value where it is JSON. */
export function bodyOf({ body, contentType, contentEncoding }: Pick<InvocationResult, 'body' | 'contentType' | 'contentEncoding'>): { payload?: unknown; body?: string } {
  if (body.length === 0) return {};
  if (contentType !== undefined && JSON_TYPE.test(contentType) && contentEncoding === undefined) {
    try {
      return { payload: JSON.parse(FATAL_UTF8.decode(body)) as unknown };
    } catch {
      // Said to be JSON and is not: the bytes are given as they are.
    }
  }
  return { body: body.toString('base64') };
}
