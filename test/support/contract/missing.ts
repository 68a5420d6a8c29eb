import { randomBytes, randomUUID } from 'node:crypto';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A word of the same form as `value` that names nothing. */
export function missingLike(value: string): string {
  if (UUID.test(value)) return randomUUID();
  if (/^[0-9a-f]{64}$/.test(value)) return randomBytes(32).toString('hex');
  if (/^\d+$/.test(value)) return '987654';
  const kept = value.slice(0, Math.max(1, value.length - 10));
  return `${kept}${randomBytes(8).toString('hex')}`.slice(0, value.length);
}

/** Words long enough to belong to one thing only. */
export function isDistinctive(value: string): boolean {
  return value.length >= 8;
}
