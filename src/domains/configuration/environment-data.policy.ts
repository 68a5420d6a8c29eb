import { RESERVED_ENV_PREFIX, RUNTIME_ENV } from '../../contract/runtime.js';
import type { FieldProblem } from '../../platform/errors/domain-error.js';
import { dataInvalid, dataTooLarge, nameInvalid } from './configuration.errors.js';

/** A set's name: a DNS label (RFC 1035). Names shaped like a UUID are refused, because an address takes either. */
const SET_NAME = /^(?![0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$)[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
export const MAX_SET_NAME = 63;

export const KEY = /^[A-Za-z_][A-Za-z0-9_]*$/;
export const MAX_KEY = 128;
export const MAX_VALUE_BYTES = 64 * 1024;
export const MAX_SET_BYTES = 256 * 1024;
const SHOWN_KEY = 80;
const SHOWN_PROBLEMS = 100;

/** @throws {DomainError} CONFIGURATION_INVALID */
export function checkSetName(name: string): void {
  if (!SET_NAME.test(name)) throw nameInvalid();
}

/** Why a name cannot be an environment variable of a function; undefined when it can. */
export function keyProblem(key: string): string | undefined {
  if (key.length > MAX_KEY) return `must have at most ${MAX_KEY} characters`;
  if (!KEY.test(key)) return 'must be letters, digits and underscores and not start with a digit';
  if (key === RUNTIME_ENV.port || key.startsWith(RESERVED_ENV_PREFIX)) return `is kept for the platform (${RUNTIME_ENV.port} and names that start with ${RESERVED_ENV_PREFIX} are)`;
  if (key === '__proto__') return 'is not a name that all runtimes can read';
  return undefined;
}

/** Values are never part of what is said about them. */
function valueProblem(value: string): string | undefined {
  if (value.includes('\0')) return 'must not contain NUL: environment variables cannot';
  if (!value.isWellFormed()) return 'must be well-formed Unicode';
  if (Buffer.byteLength(value) > MAX_VALUE_BYTES) return `must have at most ${MAX_VALUE_BYTES} bytes`;
  return undefined;
}

function pointerTo(key: string): string {
  return `/data/${key.slice(0, SHOWN_KEY).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/**
 * Checks the whole set as it would be stored.
 * @throws {DomainError} CONFIGURATION_INVALID with a pointer to each wrong entry, CONFIGURATION_TOO_LARGE.
 */
export function checkData(data: Readonly<Record<string, string>>): void {
  const problems: FieldProblem[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
    const message = keyProblem(key) ?? valueProblem(value);
    if (message !== undefined && problems.length < SHOWN_PROBLEMS) problems.push({ pointer: pointerTo(key), message });
  }
  if (problems.length > 0) throw dataInvalid(problems);
  if (bytes > MAX_SET_BYTES) throw dataTooLarge(bytes, MAX_SET_BYTES);
}

/** RFC 7396 over a set's data: null removes an entry. */
export function mergeData(before: Readonly<Record<string, string>>, patch: Readonly<Record<string, string | null>>): Record<string, string> {
  const merged = new Map<string, string>(Object.entries(before));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, value);
  }
  return Object.fromEntries(merged);
}

/** Whether two sets hold the same; the order of entries says nothing. */
export function sameData(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
}
