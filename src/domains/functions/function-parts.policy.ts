import { canonicalJson } from '../../platform/kubernetes/drift.js';
import type { FunctionBody, RevisionBody, SettingsBody } from './function-body.js';

/** RFC 7396: objects are merged, null removes, everything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else if (value !== undefined) merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

/** A plain copy without what is null or undefined: both mean "not given". */
export function withoutAbsent<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutAbsent) as T;
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== null && part !== undefined).map(([key, part]) => [key, withoutAbsent(part)])) as T;
}

export interface FunctionParts {
  revision: RevisionBody;
  settings: SettingsBody;
}

/** What needs a new revision when it changes, and what does not. */
export function partsOf(body: FunctionBody): FunctionParts {
  const { name: _, labels, scaling, traffic, rollout, authentication, placement, ...revision } = withoutAbsent(body);
  return { revision, settings: withoutAbsent({ labels, scaling, traffic, rollout, authentication, placement }) };
}

export function bodyOf(name: string, parts: FunctionParts): FunctionBody {
  return { name, ...parts.revision, ...parts.settings };
}

/** Whether two parts ask for the same: the order of names in objects means nothing, that of lists does. */
export function isSame(a: object, b: object): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
