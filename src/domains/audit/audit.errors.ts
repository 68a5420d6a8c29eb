import { DomainError } from '../../platform/errors/domain-error.js';

type AuditErrorCode = 'AUDIT_RANGE_INVALID' | 'AUDIT_RANGE_TOO_LONG';

export function rangeInvalid(): DomainError<AuditErrorCode> {
  return new DomainError('invalid', 'AUDIT_RANGE_INVALID', 'The time range is empty: from must be before to.', { fields: [{ pointer: '?from', message: 'must be before to' }] });
}

export function rangeTooLong(days: number): DomainError<AuditErrorCode> {
  return new DomainError('invalid', 'AUDIT_RANGE_TOO_LONG', `One export spans at most ${days} days; ask for several.`, {
    fields: [{ pointer: '?from', message: `must be at most ${days} days before to` }], details: { days },
  });
}
