import { DomainError } from '../errors/domain-error.js';

export const ARCHIVE_CODES = [
  'ARCHIVE_UNREADABLE', 'ARCHIVE_EMPTY', 'ARCHIVE_UNSAFE_PATH', 'ARCHIVE_UNSAFE_ENTRY', 'ARCHIVE_LINK_OUT', 'ARCHIVE_DUPLICATE_PATH',
  'ARCHIVE_TOO_LARGE', 'ARCHIVE_TOO_MANY_ENTRIES', 'ARCHIVE_BOMB',
] as const;
export type ArchiveCode = (typeof ARCHIVE_CODES)[number];

const TOO_LARGE: ReadonlySet<ArchiveCode> = new Set(['ARCHIVE_TOO_LARGE', 'ARCHIVE_TOO_MANY_ENTRIES', 'ARCHIVE_BOMB']);

export class ArchiveError extends DomainError<ArchiveCode> {
  constructor(code: ArchiveCode, message: string, cause?: unknown) {
    super(TOO_LARGE.has(code) ? 'too-large' : 'invalid', code, message, { cause });
    this.name = 'ArchiveError';
  }
}

/** An entry's name as it may appear in a message: quoted, control characters escaped, cut at 120 characters. */
export function shown(name: string): string {
  return JSON.stringify(name.length > 120 ? `${name.slice(0, 117)}...` : name);
}
