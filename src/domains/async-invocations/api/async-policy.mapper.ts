import { etagOf } from '../../../platform/rest/etag.js';
import { toStatus } from '../../webhooks/api/webhook.mapper.js';
import type { AsyncDestination, AsyncPolicyBody } from '../async-destination.js';
import { asyncDestinationInvalid } from '../async-policies.errors.js';
import type { AsyncPolicy, PutAsyncPolicy } from '../async-policies.service.js';
import { AsyncPolicyModel, WrittenAsyncPolicyModel, type AsyncDestinationModel, type AsyncPolicyBodyModel, type AsyncPolicyPayload } from './async-policy.model.js';

/** Both transports' bodies as the one command. @throws {DomainError} ASYNC_DESTINATION_INVALID. */
export function toAsyncPolicyBody({ maxAttempts, maxAgeSeconds, onSuccess, onFailure }: AsyncPolicyBodyModel): AsyncPolicyBody {
  return { maxAttempts: maxAttempts ?? null, maxAgeSeconds: maxAgeSeconds ?? null, onSuccess: toDestination('/onSuccess', onSuccess), onFailure: toDestination('/onFailure', onFailure) };
}

function toDestination(pointer: string, given: AsyncDestinationModel | null | undefined): AsyncDestination | null {
  if (!given) return null;
  const { function: name, webhook } = given;
  if (Boolean(name) === Boolean(webhook)) throw asyncDestinationInvalid(pointer, 'must name exactly one of function and webhook');
  return webhook ? { webhook: { url: webhook.url } } : { function: name! };
}

export function toAsyncPolicyModel(policy: AsyncPolicy): AsyncPolicyModel {
  const { functionId, functionName, maxAttempts, maxAgeSeconds, onSuccess, onFailure, webhooks, version, createdAt, updatedAt } = policy;
  return Object.assign(new AsyncPolicyModel(), {
    function: functionName, maxAttempts, maxAgeSeconds, onSuccess, onFailure,
    status: { onSuccess: webhooks.onSuccess ? toStatus(webhooks.onSuccess) : null, onFailure: webhooks.onFailure ? toStatus(webhooks.onFailure) : null },
    etag: etagOf({ id: functionId, version }), createdAt, updatedAt,
  });
}

export function toWrittenPolicyModel({ policy, secrets }: PutAsyncPolicy): WrittenAsyncPolicyModel {
  return Object.assign(new WrittenAsyncPolicyModel(), toAsyncPolicyModel(policy), toSecrets(secrets));
}

export function toAsyncPolicyPayload({ policy, secrets }: PutAsyncPolicy): Omit<AsyncPolicyPayload, 'userErrors'> {
  return { asyncPolicy: toAsyncPolicyModel(policy), ...toSecrets(secrets) };
}

function toSecrets({ onSuccess, onFailure }: PutAsyncPolicy['secrets']): { onSuccessSecret?: string; onFailureSecret?: string } {
  return { ...(onSuccess === undefined ? {} : { onSuccessSecret: onSuccess }), ...(onFailure === undefined ? {} : { onFailureSecret: onFailure }) };
}
