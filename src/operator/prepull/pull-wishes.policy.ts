import type { FunctionResource } from '../../contract/function-resource.js';
import type { WarmPoolResource } from '../../contract/pool-resource.js';
import { findCondition } from '../../platform/kubernetes/conditions.js';

/** What changed before that was seen to by whoever led then. */
const RECENT_MS = 600_000;

/**
 * Images that nodes should have for a function: its target's, once the target has proved itself or nothing of it runs. Before, its
 * own pods pull it where they start. Pure.
 */
export function functionImages({ metadata, spec, status }: FunctionResource): string[] {
  if (metadata.deletionTimestamp || spec.suspension === 'compute') return [];
  if (status?.servingRevision !== spec.target && status?.scale?.active !== false) return [];
  return spec.revisions.filter(({ number }) => number === spec.target).map(({ image }) => image);
}

/** The runtimes' own, once pods of the pool wait on some node: more will, or start elsewhere. Pure. */
export function poolImages({ metadata, spec, status }: WarmPoolResource): string[] {
  if (metadata.deletionTimestamp) return [];
  return spec.runtimes.filter(({ runtime }) => status?.runtimes?.some((one) => one.runtime === runtime && one.ready > 0)).map(({ image }) => image);
}

/** Whether it was made or became ready so lately that nobody may have seen to it. Pure. */
export function isRecent({ metadata, status }: Pick<FunctionResource, 'metadata' | 'status'> | WarmPoolResource, now: number): boolean {
  const made = 'creationTimestamp' in metadata ? Date.parse(metadata.creationTimestamp ?? '') : Number.NaN;
  const ready = Date.parse(findCondition(status?.conditions as { type: string; lastTransitionTime: string }[] | undefined, 'Ready')?.lastTransitionTime ?? '');
  return Math.max(made || 0, ready || 0) > now - RECENT_MS;
}
