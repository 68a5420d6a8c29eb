import { DomainError, type FieldProblem } from '../../platform/errors/domain-error.js';

export type TriggerErrorCode = 'TRIGGER_NOT_FOUND' | 'TRIGGER_NAME_TAKEN' | 'TRIGGER_INVALID' | 'TRIGGER_ROUTE_TAKEN' | 'TRIGGER_FUNCTION_NOT_FOUND' | 'TOO_MANY_TRIGGERS';

export function triggerNotFound(): DomainError<TriggerErrorCode> {
  return new DomainError('not-found', 'TRIGGER_NOT_FOUND', 'There is no such trigger in this tenant.');
}

export function triggerNameTaken(name: string): DomainError<TriggerErrorCode> {
  return new DomainError('conflict', 'TRIGGER_NAME_TAKEN', `This tenant already has a trigger ${name}; PATCH changes it.`, { fields: [{ pointer: '/name', message: 'is taken' }] });
}

export function triggerInvalid(fields: FieldProblem[]): DomainError<TriggerErrorCode> {
  const first = fields[0];
  return new DomainError('invalid', 'TRIGGER_INVALID', first ? `${first.pointer}: ${first.message}${fields.length > 1 ? ` (and ${fields.length - 1} more)` : ''}.` : 'The trigger is not valid.', { fields });
}

/** Also where another tenant has it: of whom it is not said a word. */
export function routeTaken(): DomainError<TriggerErrorCode> {
  return new DomainError('conflict', 'TRIGGER_ROUTE_TAKEN', 'This host and path are taken, or lie above or below a path that is: choose another host or path.', { fields: [{ pointer: '/http/path', message: 'is taken on this host' }] });
}

export function triggerFunctionNotFound(name: string): DomainError<TriggerErrorCode> {
  return new DomainError('invalid', 'TRIGGER_FUNCTION_NOT_FOUND', `There is no function ${name} in this tenant.`, { fields: [{ pointer: '/function', message: 'names no function of this tenant' }] });
}

export function tooManyTriggers(name: string, most: number): DomainError<TriggerErrorCode> {
  return new DomainError('conflict', 'TOO_MANY_TRIGGERS', `The function ${name} has ${most} HTTP triggers, and no function has more; delete one first.`, { details: { allowed: most } });
}
