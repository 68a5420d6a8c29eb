import { encodeCursor } from '../../platform/database/page.js';

/** What Postgres takes for a bigint that is not negative. */
export function isPosition(text: string): boolean {
  return /^\d{1,18}$/.test(text);
}

/** Of an entry, as lists give it. */
export function cursorOf({ time, position }: { time: Date; position: string }): string {
  return encodeCursor({ time: time.toISOString(), id: position });
}
