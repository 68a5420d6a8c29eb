import { DomainError, type FieldProblem } from '../../platform/errors/domain-error.js';

export type FunctionErrorCode =
  | 'FUNCTION_NOT_FOUND' | 'FUNCTION_NAME_TAKEN' | 'FUNCTION_DELETING' | 'FUNCTION_INVALID' | 'REVISION_NOT_FOUND'
  | 'FUNCTION_TOO_LARGE_FOR_QUOTA' | 'CODE_NOT_FOUND' | 'CODE_DIGEST_INVALID' | 'CODE_DIGEST_MISMATCH' | 'CODE_TOO_LARGE' | 'CODE_EMPTY' | 'CODE_FORMAT_UNKNOWN'
  | 'ROLLOUT_NOT_UNDER_WAY' | 'ROLLOUT_ABORTED' | 'ROLLOUT_NOT_ABORTED' | 'ROLLOUT_NOT_PAUSED' | 'ROLLOUT_NOTHING_BEFORE' | 'ROLLBACK_WITHOUT_GOAL' | 'TRAFFIC_FIXED' | 'REVISION_NOT_BUILT'
  | 'TOO_MANY_PINNED';

/** The way in would show nothing, or something that browsers refuse. */
export function certificateInvalid(trigger: string, secret: string, problem: string): DomainError {
  return new DomainError('conflict', 'CERTIFICATE_INVALID', `The certificate of trigger ${trigger} cannot be shown: secret ${secret} ${problem}. Give the secret a new value, or take tls from the trigger.`);
}

export function functionNotFound(): DomainError<FunctionErrorCode> {
  return new DomainError('not-found', 'FUNCTION_NOT_FOUND', 'There is no such function in this tenant.');
}

export function revisionNotFound(): DomainError<FunctionErrorCode> {
  return new DomainError('not-found', 'REVISION_NOT_FOUND', 'The function has no such revision, or it is no longer kept.');
}

export function functionNameTaken(name: string): DomainError<FunctionErrorCode> {
  return new DomainError('conflict', 'FUNCTION_NAME_TAKEN', `The tenant has a function ${name} already; replace it with PUT, or choose another name.`, {
    fields: [{ pointer: '/name', message: 'is taken' }],
  });
}

export function functionDeleting(name: string): DomainError<FunctionErrorCode> {
  return new DomainError('conflict', 'FUNCTION_DELETING', `The function ${name} is being deleted; its name is free again once it is gone from the clusters.`, { retryAfterSeconds: 2 });
}

export function functionInvalid(fields: FieldProblem[]): DomainError<FunctionErrorCode> {
  const first = fields[0];
  const more = fields.length > 1 ? ` (and ${fields.length - 1} more)` : '';
  return new DomainError('invalid', 'FUNCTION_INVALID', first ? `${first.pointer}: ${first.message}${more}.` : 'The function is not valid.', { fields: fields.slice(0, 100) });
}

export function beyondQuota(limit: string, pointer: string, allowed: number, asked: number): DomainError<FunctionErrorCode> {
  return new DomainError('quota-exceeded', 'FUNCTION_TOO_LARGE_FOR_QUOTA', `${pointer}: the tenant's quota allows at most ${allowed} for one function (${limit}); ${asked} is asked for.`, {
    fields: [{ pointer, message: `must be at most ${allowed}` }], details: { limit, allowed, requested: asked },
  });
}

/** Of what would fit if one revision ran alone. */
export function beyondQuotaTwice(error: DomainError, strategy: string): DomainError {
  const message = `${error.message} While a ${strategy} rollout lasts, both revisions have room for all their pods; deploy with the strategy all-at-once to do without.`;
  return new DomainError(error.kind, error.code, message, { fields: [{ pointer: '/rollout/strategy', message: 'needs room for two revisions' }], details: { ...error.details }, cause: error });
}

export function codeMissing(): DomainError<FunctionErrorCode> {
  return new DomainError('invalid', 'CODE_NOT_FOUND', 'The archive was not uploaded to this tenant, or was deleted because nothing used it for a day; upload it with PUT /v1/tenants/{tenant}/code/{sha256} first.', {
    fields: [{ pointer: '/source/archive', message: 'is not an uploaded archive of this tenant' }],
  });
}

export function codeNotFound(): DomainError<FunctionErrorCode> {
  return new DomainError('not-found', 'CODE_NOT_FOUND', 'There is no such archive in this tenant.');
}

export function codeDigestInvalid(): DomainError<FunctionErrorCode> {
  return new DomainError('invalid', 'CODE_DIGEST_INVALID', 'The address must end with the SHA-256 of the archive: 64 hexadecimal digits in lower case.', {
    fields: [{ pointer: '?digest', message: 'must be 64 hexadecimal digits in lower case' }],
  });
}

export function codeDigestMismatch(found: string): DomainError<FunctionErrorCode> {
  return new DomainError('invalid', 'CODE_DIGEST_MISMATCH', `The SHA-256 of what arrived is ${found}, not the one in the address; the upload was cut or altered.`, {
    fields: [{ pointer: '', message: 'is not the content that the address names' }],
  });
}

export function codeTooLarge(limitMb: number): DomainError<FunctionErrorCode> {
  return new DomainError('too-large', 'CODE_TOO_LARGE', `An archive may have at most ${limitMb} MiB.`, { fields: [{ pointer: '', message: `must be at most ${limitMb} MiB` }] });
}

export function codeEmpty(): DomainError<FunctionErrorCode> {
  return new DomainError('invalid', 'CODE_EMPTY', 'The body is empty; it must be the archive itself.', { fields: [{ pointer: '', message: 'must be the archive' }] });
}

export function codeFormatUnknown(): DomainError<FunctionErrorCode> {
  return new DomainError('unsupported-media', 'CODE_FORMAT_UNKNOWN', 'Archives are sent as application/gzip (a tar.gz) or application/zip.');
}

export function rolloutNotUnderWay(revision: number): DomainError<FunctionErrorCode> {
  return new DomainError('conflict', 'ROLLOUT_NOT_UNDER_WAY', `Revision ${revision} has all of its traffic: no rollout is under way. To take it back, roll the function back.`);
}

export function rolloutAborted(revision: number): DomainError<FunctionErrorCode> {
  return new DomainError('conflict', 'ROLLOUT_ABORTED', `The rollout of revision ${revision} was aborted; retry it, or deploy another revision.`);
}

export function rolloutNotAborted(revision: number): DomainError<FunctionErrorCode> {
  return new DomainError('conflict', 'ROLLOUT_NOT_ABORTED', `The rollout of revision ${revision} was not aborted: only what was aborted can be tried again.`);
}

export function rolloutNotPaused(revision: number): DomainError<FunctionErrorCode> {
  return new DomainError('conflict', 'ROLLOUT_NOT_PAUSED', `The rollout of revision ${revision} is not paused, neither by a step nor by its owner.`);
}

export function nothingBefore(revision: number): DomainError<FunctionErrorCode> {
  return new DomainError('conflict', 'ROLLOUT_NOTHING_BEFORE', `No revision serves that could take the traffic of revision ${revision}; deploy another one, or delete the function.`);
}

export function rollbackWithoutGoal(): DomainError<FunctionErrorCode> {
  return new DomainError('conflict', 'ROLLBACK_WITHOUT_GOAL', 'No other revision has served before the one that is asked for; name the revision to go back to.');
}

export function trafficFixed(): DomainError<FunctionErrorCode> {
  return new DomainError('conflict', 'TRAFFIC_FIXED', 'All of the traffic is fixed to revisions by the rules in traffic, so that a rollback would move nothing; change these, or let one rule follow the rollout.');
}

export function revisionNotKept(pointer: string, number: number): DomainError<FunctionErrorCode> {
  return new DomainError('invalid', 'REVISION_NOT_FOUND', `The function has no revision ${number}, or it is no longer kept.`, { fields: [{ pointer, message: 'is no revision of this function that is still kept' }] });
}

export function revisionNotBuilt(pointer: string, number: number): DomainError<FunctionErrorCode> {
  return new DomainError('invalid', 'REVISION_NOT_BUILT', `Revision ${number} could not be built and has no image to run; deploy it anew.`, { fields: [{ pointer, message: 'could not be built' }] });
}

export function tooManyPinned(most: number): DomainError<FunctionErrorCode> {
  return new DomainError('conflict', 'TOO_MANY_PINNED', `At most ${most} revisions of a function can be pinned; unpin another one first.`);
}

/** The same error with other field pointers: for rules that know a value but not where it came from. */
export function atPointer(error: DomainError, pointer: string): DomainError {
  return new DomainError(error.kind, error.code, error.message, {
    fields: [{ pointer, message: error.message }], details: { ...error.details }, retryAfterSeconds: error.retryAfterSeconds, cause: error,
  });
}
