import { etagOf } from '../../../platform/rest/etag.js';
import type { CronTriggerBody, CronTriggerPatch } from '../cron-trigger-body.js';
import { effectiveSettings } from '../cron-trigger-rules.policy.js';
import type { CronTrigger } from '../cron-triggers.service.js';
import type { SkipReason } from '../due-runs.policy.js';
import { CronTriggerModel, type CreateCronTriggerBody, type CronTriggerPatchBody, type CronTriggerPayload, type CronTriggerSkipModel } from './cron-trigger.model.js';

const WHY: Record<SkipReason, string> = {
  missed: 'No worker of the platform ran when it was due, or for too long afterwards; missedRuns says what is made up for.',
  running: 'An earlier run had not ended, and concurrencyPolicy forbids another one.',
  replaced: 'It still waited when the next one was due, which took its place.',
  'queue-full': 'The tenant had as many asynchronous invocations waiting as it may have.',
  'function-deleting': 'The function was being deleted.',
  'tenant-suspended': 'The tenant\'s functions were suspended, or the tenant was being deleted.',
  'schedule-unusable': 'The schedule or its time zone is not understood any more; change it and the trigger runs again.',
};

export function toCronTriggerModel(trigger: CronTrigger): CronTriggerModel {
  const { id, tenantId, name, functionName, settings, nextRunAt, lastRunAt, lastInvocationId, skippedRuns, createdAt, updatedAt } = trigger;
  return Object.assign(new CronTriggerModel(), {
    id, tenantId, name, function: functionName, ...settings, effective: effectiveSettings(settings),
    status: { nextRunAt, lastRunAt, lastInvocationId, skippedRuns: Number(skippedRuns), lastSkip: toSkip(trigger) }, etag: etagOf(trigger), createdAt, updatedAt,
  });
}

function toSkip({ lastSkippedAt: dueAt, lastSkipReason: reason }: CronTrigger): CronTriggerSkipModel | null {
  return dueAt === null || reason === null ? null : { dueAt, reason, message: WHY[reason] };
}

export function toCronTriggerPayload(trigger: CronTrigger): Omit<CronTriggerPayload, 'userErrors'> {
  return { cronTrigger: toCronTriggerModel(trigger) };
}

/** Both transports' bodies as the one command. */
export function toCronTriggerBody(body: CreateCronTriggerBody): CronTriggerBody {
  return JSON.parse(JSON.stringify(body)) as CronTriggerBody;
}

/** Nulls stay: they remove. */
export function toCronTriggerPatch(patch: CronTriggerPatchBody): CronTriggerPatch {
  return JSON.parse(JSON.stringify(patch)) as CronTriggerPatch;
}
