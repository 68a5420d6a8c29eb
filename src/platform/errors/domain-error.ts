/** What went wrong in kind; each transport maps every kind (an exhaustive record, so a missing case does not compile). */
export const ERROR_KINDS = [
  'invalid', // 422 the request's content is wrong; `pointer` says where
  'malformed', // 400 it could not be read at all
  'unauthenticated', // 401
  'forbidden', // 403 known caller, resource visible, action not allowed
  'not-found', // 404 missing or not visible to the caller: never told apart
  'method-not-allowed', // 405 the address is good, the verb is not
  'conflict', // 409 state or name in the way
  'precondition-failed', // 412 If-Match did not match
  'precondition-required', // 428 If-Match missing where it is needed
  'too-large', // 413
  'unsupported-media', // 415
  'quota-exceeded', // 403 with the limit's name and size
  'rate-limited', // 429 with retryAfterSeconds
  'unavailable', // 503 a part we depend on is down; try again
  'timeout', // 504
  'upstream', // 502 a function or cluster answered wrongly
  'internal', // 500 never with detail
] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

/** One wrong field. `pointer` is an RFC 6901 JSON pointer into the request body (`/scaling/min`), or `?name` for a query parameter. */
export interface FieldProblem {
  pointer: string;
  message: string;
}

export interface DomainErrorOptions {
  fields?: FieldProblem[];
  retryAfterSeconds?: number;
  /** Kept for the log, never for the caller. */
  cause?: unknown;
  /** Extra facts for the caller, e.g. `{ limit: 'functions', allowed: 10, used: 10 }`. No secrets, no other tenant's words. */
  details?: Record<string, string | number | boolean>;
}

/**
 * The one error type of domains and platform. `code` is stable and from the closed list of its domain
 * (`FUNCTION_NOT_FOUND`); `message` says in plain words what to do.
 */
export class DomainError<Code extends string = string> extends Error {
  readonly fields: readonly FieldProblem[];
  readonly retryAfterSeconds: number | undefined;
  readonly details: Readonly<Record<string, string | number | boolean>>;

  constructor(
    readonly kind: ErrorKind,
    readonly code: Code,
    message: string,
    options: DomainErrorOptions = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'DomainError';
    this.fields = options.fields ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.details = options.details ?? {};
  }

  /** Whether the same request may succeed later without being changed. */
  get retryable(): boolean {
    return this.kind === 'unavailable' || this.kind === 'rate-limited' || this.kind === 'timeout' || this.kind === 'upstream';
  }
}
