import { DomainError, type FieldProblem } from '../../platform/errors/domain-error.js';

export type CronTriggerErrorCode = 'CRON_TRIGGER_NOT_FOUND' | 'CRON_TRIGGER_NAME_TAKEN' | 'CRON_TRIGGER_INVALID' | 'CRON_TRIGGER_FUNCTION_NOT_FOUND' | 'TOO_MANY_CRON_TRIGGERS';

export function cronTriggerNotFound(): DomainError<CronTriggerErrorCode> {
  return new DomainError('not-found', 'CRON_TRIGGER_NOT_FOUND', 'There is no such cron trigger in this tenant.');
}

export function cronTriggerNameTaken(name: string): DomainError<CronTriggerErrorCode> {
  return new DomainError('conflict', 'CRON_TRIGGER_NAME_TAKEN', `This tenant already has a cron trigger ${name}; PATCH changes it.`, { fields: [{ pointer: '/name', message: 'is taken' }] });
}

export function cronTriggerInvalid(fields: FieldProblem[]): DomainError<CronTriggerErrorCode> {
  const first = fields[0]!;
  return new DomainError('invalid', 'CRON_TRIGGER_INVALID', `${first.pointer}: ${first.message}${fields.length > 1 ? ` (and ${fields.length - 1} more)` : ''}.`, { fields });
}

export function cronTriggerFunctionNotFound(name: string): DomainError<CronTriggerErrorCode> {
  return new DomainError('invalid', 'CRON_TRIGGER_FUNCTION_NOT_FOUND', `There is no function ${name} in this tenant.`, { fields: [{ pointer: '/function', message: 'names no function of this tenant' }] });
}

export function tooManyCronTriggers(most: number): DomainError<CronTriggerErrorCode> {
  return new DomainError('conflict', 'TOO_MANY_CRON_TRIGGERS', `The tenant has ${most} cron triggers, and no tenant has more; delete one first.`, { details: { allowed: most } });
}
