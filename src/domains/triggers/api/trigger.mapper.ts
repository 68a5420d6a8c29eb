import { etagOf } from '../../../platform/rest/etag.js';
import type { TriggerBody, TriggerPatch } from '../trigger-body.js';
import type { Trigger } from '../triggers.service.js';
import { TriggerModel, type CreateTriggerBody, type TriggerPatchBody, type TriggerPayload } from './trigger.model.js';

export function toTriggerModel({ version, ...trigger }: Trigger): TriggerModel {
  return Object.assign(new TriggerModel(), trigger, { etag: etagOf({ id: trigger.id, version }) });
}

export function toTriggerPayload(trigger: Trigger): Omit<TriggerPayload, 'userErrors'> {
  return { trigger: toTriggerModel(trigger) };
}

/** Both transports' bodies as the one command. */
export function toTriggerBody({ name, function: functionName, http }: CreateTriggerBody): TriggerBody {
  return JSON.parse(JSON.stringify({ name, function: functionName, http })) as TriggerBody;
}

/** Nulls stay: they remove. */
export function toTriggerPatch(patch: TriggerPatchBody): TriggerPatch {
  return JSON.parse(JSON.stringify(patch)) as TriggerPatch;
}
