import { revisionNotFound } from '../functions.errors.js';

/** A number in an address. @throws {DomainError} REVISION_NOT_FOUND for what can be none. */
export function toRevisionNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw revisionNotFound();
  return Number(text);
}
