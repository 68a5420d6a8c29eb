import { etagOf } from '../../../platform/rest/etag.js';
import { withoutAbsent } from '../../functions/function-parts.policy.js';
import { toConditionModel } from '../../tenants/api/tenant.mapper.js';
import type { KafkaTriggerBody, KafkaTriggerPatch } from '../kafka-trigger-body.js';
import { effectiveOf } from '../kafka-trigger-rules.policy.js';
import type { KafkaTrigger } from '../kafka-triggers.service.js';
import { KafkaTriggerModel, type CreateKafkaTriggerBody, type EffectiveKafkaTriggerModel, type KafkaTriggerPatchBody, type KafkaTriggerPayload, type KafkaTriggerStatusModel } from './kafka-trigger.model.js';

export function toKafkaTriggerModel({ row, functionName }: KafkaTrigger): KafkaTriggerModel {
  const { id, tenantId, name, createdAt, updatedAt } = row;
  return Object.assign(new KafkaTriggerModel(), { id, tenantId, name, function: functionName, ...row.settings, effective: effectiveModel(row), status: statusModel(row), etag: etagOf(row), createdAt, updatedAt });
}

function effectiveModel({ settings, consumerGroup: group }: KafkaTrigger['row']): EffectiveKafkaTriggerModel {
  const { consumerGroup, startPosition, batchSize, batchWindowMs, maxBatchBytes, concurrency, maxAttempts, onExhausted, path, suspended } = effectiveOf(settings, group);
  return { consumerGroup, startPosition, batchSize, batchWindowMs, maxBatchBytes, concurrency, maxAttempts, onExhausted, path, suspended };
}

function statusModel(row: KafkaTrigger['row']): KafkaTriggerStatusModel {
  const ready = toConditionModel({ type: 'Ready', status: row.readyStatus, reason: row.readyReason, message: row.readyMessage, lastTransitionTime: row.readySince.toISOString() });
  return {
    conditions: [ready], assignedPartitions: row.assignedPartitions, lag: row.lag === null ? undefined : Number(row.lag), lastDeliveryAt: row.lastDeliveryAt ?? undefined,
    delivered: Number(row.delivered), failed: Number(row.failed), deadLettered: Number(row.deadLettered), skipped: Number(row.skipped),
  };
}

export function toKafkaTriggerPayload(trigger: KafkaTrigger): Omit<KafkaTriggerPayload, 'userErrors'> {
  return { kafkaTrigger: toKafkaTriggerModel(trigger) };
}

/** Both transports' bodies as the one command; null is the same as absent. */
export function toKafkaTriggerBody(body: CreateKafkaTriggerBody): KafkaTriggerBody {
  return withoutAbsent({ ...body }) as KafkaTriggerBody;
}

/** Nulls stay: they remove. */
export function toKafkaTriggerPatch(patch: KafkaTriggerPatchBody): KafkaTriggerPatch {
  return JSON.parse(JSON.stringify(patch)) as KafkaTriggerPatch;
}
