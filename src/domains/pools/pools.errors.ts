import { DomainError, type FieldProblem } from '../../platform/errors/domain-error.js';

export type PoolErrorCode = 'POOLS_INVALID';

export function poolsInvalid(fields: FieldProblem[]): DomainError<PoolErrorCode> {
  const first = fields[0];
  return new DomainError('invalid', 'POOLS_INVALID', first ? `${first.pointer}: ${first.message}.` : 'The warm pools are not valid.', { fields });
}
