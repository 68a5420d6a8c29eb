import { createHash } from 'node:crypto';
import { ANNOTATION } from '../../contract/names.js';
import type { KubernetesObject } from './kubernetes-object.js';

/** SHA-256 (first 128 bits, hex) of a value's JSON with sorted keys: the same content gives the same hash. */
export function contentHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 32);
}

export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value));
}

/** A copy with sorted keys: several times quicker than a replacer, which JSON.stringify asks for every single value. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const copy = Object.create(null) as Record<string, unknown>;
  for (const key of Object.keys(value).sort()) copy[key] = sorted((value as Record<string, unknown>)[key]);
  return copy;
}

/** The manifest with {@link ANNOTATION.inputHash} of its content. */
export function withInputHash<T extends KubernetesObject>(manifest: T): T {
  const annotations = { ...manifest.metadata.annotations, [ANNOTATION.inputHash]: contentHash(manifest) };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

/**
 * Whether `desired` must be applied (again): it is missing, was made from other input (fields may have to go), or somebody
 * changed a field it names. Fields it does not name belong to others. `desired` must come from {@link withInputHash}.
 */
export function needsApply(desired: KubernetesObject, observed: KubernetesObject | undefined): boolean {
  if (!observed) return true;
  if (observed.metadata.annotations?.[ANNOTATION.inputHash] !== desired.metadata.annotations?.[ANNOTATION.inputHash]) return true;
  return !contains(observed, desired);
}

/**
 * Whether every field of `desired` stands in `observed` with the same value. Go's JSON drops empty values, so an empty one and a
 * missing one are equal. Lists of named things are compared by name (others may add), all other lists as a whole.
 */
export function contains(observed: unknown, desired: unknown): boolean {
  if (desired === undefined || observed === desired) return true;
  if (isEmpty(desired)) return observed === undefined || observed === null || isEmpty(observed);
  if (Array.isArray(desired)) return Array.isArray(observed) && containsList(observed, desired);
  if (typeof desired !== 'object' || desired === null || typeof observed !== 'object' || observed === null) return false;
  return Object.entries(desired).every(([key, value]) => contains((observed as Record<string, unknown>)[key], value));
}

function containsList(observed: unknown[], desired: unknown[]): boolean {
  const named = desired.every((item) => nameOf(item) !== undefined);
  if (!named) return observed.length === desired.length && desired.every((item, index) => contains(observed[index], item));
  return desired.every((item) => contains(observed.find((candidate) => nameOf(candidate) === nameOf(item)), item));
}

function nameOf(item: unknown): unknown {
  return typeof item === 'object' && item !== null ? (item as { name?: unknown }).name : undefined;
}

function isEmpty(value: unknown): boolean {
  if (value === '' || value === 0 || value === false || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
