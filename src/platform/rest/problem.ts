import { ApiProperty } from '@nestjs/swagger';
import type { DomainError, ErrorKind } from '../errors/domain-error.js';

/** HTTP status and title of each kind of error. */
export const HTTP: Record<ErrorKind, { status: number; title: string }> = {
  invalid: { status: 422, title: 'The request is not valid' },
  malformed: { status: 400, title: 'The request cannot be read' },
  unauthenticated: { status: 401, title: 'Authentication is needed' },
  forbidden: { status: 403, title: 'Not allowed' },
  'not-found': { status: 404, title: 'Not found' },
  'method-not-allowed': { status: 405, title: 'Method not allowed' },
  conflict: { status: 409, title: 'Conflict with the present state' },
  'precondition-failed': { status: 412, title: 'Changed in the meantime' },
  'precondition-required': { status: 428, title: 'If-Match is needed' },
  'too-large': { status: 413, title: 'Too large' },
  'unsupported-media': { status: 415, title: 'Media type not supported' },
  'quota-exceeded': { status: 403, title: 'Quota exceeded' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  unavailable: { status: 503, title: 'Not available at the moment' },
  timeout: { status: 504, title: 'No answer in time' },
  upstream: { status: 502, title: 'A part behind the platform failed' },
  internal: { status: 500, title: 'Internal error' },
};

export class ProblemField {
  @ApiProperty({ description: 'RFC 6901 pointer into the body (empty: the body as a whole), or ?name for a query parameter.' }) pointer!: string;
  @ApiProperty() message!: string;
}

/** RFC 9457 problem document. */
export class Problem {
  @ApiProperty({ description: 'URN of the code.', example: 'urn:fnplane:problem:function-not-found' }) type!: string;
  @ApiProperty() title!: string;
  @ApiProperty({ type: 'integer', minimum: 400, maximum: 599 }) status!: number;
  @ApiProperty({ description: 'Stable, for programs.', example: 'FUNCTION_NOT_FOUND' }) code!: string;
  @ApiProperty({ description: 'What happened and what to do, for people.' }) detail!: string;
  @ApiProperty() requestId!: string;
  @ApiProperty() retryable!: boolean;
  @ApiProperty({ type: [ProblemField], required: false }) errors?: ProblemField[];
  @ApiProperty({ selfRequired: false, type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] as never } }) details?: Record<string, string | number | boolean>;
}

export function toProblem(error: DomainError, requestId: string): Problem {
  const { status, title } = HTTP[error.kind];
  return {
    type: `urn:fnplane:problem:${error.code.toLowerCase().replaceAll('_', '-')}`,
    title, status, code: error.code, detail: error.message, requestId, retryable: error.retryable,
    ...(error.fields.length > 0 ? { errors: error.fields.map(({ pointer, message }) => ({ pointer, message })) } : {}),
    ...(Object.keys(error.details).length > 0 ? { details: { ...error.details } } : {}),
  };
}
