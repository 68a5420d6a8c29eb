import { DomainError } from '../../platform/errors/domain-error.js';

export type WebhookErrorCode = 'WEBHOOK_NOT_FOUND' | 'WEBHOOK_NAME_TAKEN' | 'TOO_MANY_WEBHOOKS' | 'WEBHOOK_REPLAY_INVALID' | 'WEBHOOK_DISABLED';

export function webhookNotFound(): DomainError<WebhookErrorCode> {
  return new DomainError('not-found', 'WEBHOOK_NOT_FOUND', 'There is no such webhook in this tenant.');
}

export function webhookNameTaken(name: string): DomainError<WebhookErrorCode> {
  return new DomainError('conflict', 'WEBHOOK_NAME_TAKEN', `This tenant already has a webhook ${name}; PATCH changes it.`, { fields: [{ pointer: '/name', message: 'is taken' }] });
}

export function tooManyWebhooks(most: number): DomainError<WebhookErrorCode> {
  return new DomainError('conflict', 'TOO_MANY_WEBHOOKS', `The tenant has ${most} webhooks, and none has more; delete one first.`, { details: { allowed: most } });
}

export function replayInvalid(): DomainError<WebhookErrorCode> {
  return new DomainError('invalid', 'WEBHOOK_REPLAY_INVALID', 'Say from where: either the id of an event or a time, not both.', { fields: [{ pointer: '/fromEvent', message: 'either this or fromTime must be given' }] });
}

export function webhookDisabled(): DomainError<WebhookErrorCode> {
  return new DomainError('conflict', 'WEBHOOK_DISABLED', 'The webhook is disabled by its owner: set disabled to false first.');
}
