import type { RequiredClaim } from '../../contract/triggers.js';

/** Claims whose text is a list of words: RFC 8693's `scope`, and `scp` where an issuer writes it so. */
const OF_WORDS = new Set(['scope', 'scp']);

/** Whether a token has every claim that is asked for. Pure. */
export function meetsClaims(claims: Readonly<Record<string, unknown>>, required: readonly RequiredClaim[] = []): boolean {
  return required.every(({ name, values }) => Object.hasOwn(claims, name) && valuesOf(name, claims[name]).some((value) => values.includes(value)));
}

function valuesOf(name: string, value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap((one) => textOf(one));
  return typeof value === 'string' && OF_WORDS.has(name) ? value.split(' ') : textOf(value);
}

/** Numbers and truth values as JSON writes them. */
function textOf(value: unknown): string[] {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? [String(value)] : [];
}
