import { DomainError } from '../errors/domain-error.js';

/** Largest page any list gives (design: API conventions), and the size of one when none is asked for. */
export const MAX_PAGE = 500;
export const DEFAULT_PAGE = 50;

/** As `encodeCursor` writes them; other years are none to Postgres. */
const TIME = /^[1-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const ID = /^[\x20-\x7e]+$/;

export interface PageRequest {
  limit: number;
  /** Opaque: what an earlier page gave as `nextCursor`. */
  cursor?: string;
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export interface CursorPosition {
  time: string;
  id: string;
}

export function encodeCursor(position: CursorPosition): string {
  return Buffer.from(JSON.stringify([position.time, position.id])).toString('base64url');
}

/** @throws {DomainError} CURSOR_INVALID for anything this platform did not hand out. */
export function decodeCursor(cursor: string): CursorPosition {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string' && part.length <= 200)) {
      const [time, id] = value as [string, string];
      if (TIME.test(time) && !Number.isNaN(Date.parse(time)) && ID.test(id)) return { time: new Date(time).toISOString(), id };
    }
  } catch {
    // Falls through to the refusal below: the caller need not know how a cursor is made.
  }
  throw cursorInvalid();
}

export function cursorInvalid(): DomainError {
  return new DomainError('invalid', 'CURSOR_INVALID', 'The cursor is not one that a list of this API gave; start again without it.', {
    fields: [{ pointer: '?cursor', message: 'is not a cursor of this list' }],
  });
}
