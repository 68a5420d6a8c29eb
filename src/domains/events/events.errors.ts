import { DomainError } from '../../platform/errors/domain-error.js';

export type EventErrorCode = 'EVENT_NOT_FOUND';

export function eventNotFound(): DomainError<EventErrorCode> {
  return new DomainError('not-found', 'EVENT_NOT_FOUND', 'There is no such event in this tenant; events are kept for 30 days.');
}
