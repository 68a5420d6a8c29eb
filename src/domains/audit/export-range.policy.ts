import { rangeInvalid, rangeTooLong } from './audit.errors.js';

const DAY_MS = 86_400_000;
export const DEFAULT_EXPORT_DAYS = 30;
export const LONGEST_EXPORT_DAYS = 400;

export interface TimeRange {
  from: Date;
  to: Date;
}

/**
 * The half-open range of an export: up to now and the last 30 days where nothing else is said.
 * @throws {DomainError} AUDIT_RANGE_INVALID, AUDIT_RANGE_TOO_LONG.
 */
export function exportRange(asked: Partial<TimeRange>, now: Date): TimeRange {
  const to = asked.to ?? now;
  const from = asked.from ?? new Date(to.getTime() - DEFAULT_EXPORT_DAYS * DAY_MS);
  if (from >= to) throw rangeInvalid();
  if (to.getTime() - from.getTime() > LONGEST_EXPORT_DAYS * DAY_MS) throw rangeTooLong(LONGEST_EXPORT_DAYS);
  return { from, to };
}
