import { etagOf } from '../../../platform/rest/etag.js';
import { bodyOf, fromInput, fromRequest } from '../../invocations/api/invocation.mapper.js';
import { withoutKey } from '../async-request.policy.js';
import type { DestinationResult } from '../async-destination.js';
import type { AcceptInvocation, AsyncInvocation, AsyncInvocationFilter, AsyncResult } from '../async-invocations.service.js';
import { AsyncInvocationModel, type AcceptQuery, type AsyncDestinationResultModel, type AsyncInvocationPayload, type AsyncInvocationResultModel, type AsyncInvocationsArgs, type AsyncInvocationsQuery, type InvokeFunctionAsyncInput } from './async-invocation.model.js';

/** A REST request: its header fields meant for the function, and its body byte by byte. */
export function fromAcceptRequest(name: string, query: AcceptQuery, headers: Readonly<Record<string, string | string[] | undefined>>, body: Buffer | undefined): AcceptInvocation {
  const call = fromRequest(name, query, headers, body);
  return {
    function: name, method: call.method, path: call.path, headers: withoutKey(call.headers), body,
    maxAttempts: query.maxAttempts, maxAgeSeconds: query.maxAgeSeconds, scheduledFor: query.scheduledFor, pointer: '?',
  };
}

/** @param payload the input's payload as JSON text, taken before validation. */
export function fromAsyncInput(input: InvokeFunctionAsyncInput, payload: Buffer | undefined): AcceptInvocation {
  const { function: name, path, method, headers, maxAttempts, maxAgeSeconds, scheduledFor } = input;
  const call = fromInput({ tenant: input.tenant, function: name, ...(path ? { path } : {}), ...(method ? { method } : {}), ...(headers ? { headers } : {}) }, payload);
  return {
    function: name, method: call.method, path: call.path, headers: call.headers, body: payload,
    maxAttempts: maxAttempts ?? undefined, maxAgeSeconds: maxAgeSeconds ?? undefined, scheduledFor: scheduledFor ?? undefined, pointer: '/',
  };
}

export function toFilter({ function: name, state, trigger }: AsyncInvocationsQuery | AsyncInvocationsArgs): AsyncInvocationFilter {
  return { function: name ?? undefined, state: state ?? undefined, trigger: trigger ?? undefined };
}

export function toAsyncInvocationModel(row: AsyncInvocation): AsyncInvocationModel {
  const { id, tenantId, functionName, method, path, state, attempts, maxAttempts, expiresAt, principal, status, revision, errorCode, errorMessage, resultType, resultBytes, resultTooLarge, source, triggerName, triggerId, dueAt, createdAt, finishedAt } = row;
  const hasResult = resultTooLarge || resultBytes !== null;
  return Object.assign(new AsyncInvocationModel(), {
    id, tenantId, function: functionName, method, path, state, attempts, maxAttempts, nextAttemptAt: state === 'queued' ? row.nextAttemptAt : null, expiresAt, principal, status, revision,
    source: { kind: source, trigger: triggerName, triggerId, dueAt },
    error: errorCode === null ? null : { code: errorCode, message: errorMessage ?? '' },
    result: hasResult ? { contentType: resultType, bytes: resultBytes, tooLarge: resultTooLarge } : null,
    destination: row.destination ? toDestinationModel(row.destination) : null,
    etag: etagOf(row), createdAt, finishedAt,
  });
}

function toDestinationModel(result: DestinationResult): AsyncDestinationResultModel {
  return { invocation: 'invocation' in result ? result.invocation : null, event: 'event' in result ? result.event : null, error: 'error' in result ? result.error : null };
}

export function toAsyncInvocationPayload(row: AsyncInvocation): Omit<AsyncInvocationPayload, 'userErrors'> {
  return { asyncInvocation: toAsyncInvocationModel(row) };
}

/** Bodies that are JSON as values, all others as base64. */
export function toResultModel(result: AsyncResult): AsyncInvocationResultModel {
  const { status, revision, contentType } = result;
  return { status, ...(revision === undefined ? {} : { revision }), ...(contentType === undefined ? {} : { contentType }), ...bodyOf(result) };
}
