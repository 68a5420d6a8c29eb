import { HttpException, type ValidationError } from '@nestjs/common';
import { DomainError, type ErrorKind, type FieldProblem } from '../errors/domain-error.js';

const BY_STATUS: Record<number, ErrorKind> = {
  400: 'malformed', 401: 'unauthenticated', 403: 'forbidden', 404: 'not-found', 405: 'method-not-allowed', 409: 'conflict', 413: 'too-large', 414: 'not-found', 415: 'unsupported-media', 422: 'invalid', 431: 'malformed', 503: 'unavailable',
};

/** Everything that can be thrown becomes a {@link DomainError}; what is not foreseen becomes `internal` and tells nothing. */
export function toDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  if (error instanceof HttpException) return fromStatus(error.getStatus(), error.message, error);
  const status = (error as { statusCode?: number } | null)?.statusCode;
  if (status !== undefined && status >= 400 && status < 500) return fromStatus(status, (error as Error).message, error);
  return new DomainError('internal', 'INTERNAL', 'Something went wrong inside the platform. It has been recorded under this request id.', { cause: error });
}

function fromStatus(status: number, message: string, cause: unknown): DomainError {
  const kind = BY_STATUS[status];
  if (!kind) return new DomainError('internal', 'INTERNAL', 'Something went wrong inside the platform. It has been recorded under this request id.', { cause });
  if (kind === 'not-found') return nothingHere();
  return new DomainError(kind, `REQUEST_${kind.toUpperCase().replaceAll('-', '_')}`, message, { cause });
}

/** For addresses that no route has, and for names in them that nothing can be called by. */
export function nothingHere(): DomainError {
  return new DomainError('not-found', 'ROUTE_NOT_FOUND', 'There is nothing at this address; see /v1/openapi.json for what there is.');
}

/** Flattens class-validator's tree to one problem a wrong field; `root` begins the pointers: `/` in bodies, `?` in queries. */
export function validationProblem(errors: readonly ValidationError[], root: '/' | '?' = '/'): DomainError {
  const fields: FieldProblem[] = [];
  const walk = (list: readonly ValidationError[], path: string): void => {
    for (const error of list) {
      const pointer = `${path}${escapePointer(error.property)}`;
      for (const [rule, message] of Object.entries(error.constraints ?? {})) {
        fields.push({ pointer, message: rule === 'whitelistValidation' ? 'is not a field of this request' : message.replaceAll('$property', error.property) });
      }
      walk(error.children ?? [], `${pointer}/`);
    }
  };
  walk(errors, root);
  const first = fields[0];
  const detail = first ? `${first.pointer}: ${first.message}${fields.length > 1 ? ` (and ${fields.length - 1} more)` : ''}.` : 'The request is not valid.';
  return new DomainError('invalid', 'VALIDATION_FAILED', detail, { fields: fields.slice(0, 100) });
}

export function escapePointer(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1');
}
