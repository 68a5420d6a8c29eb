import type { Condition } from '../../contract/function-resource.js';
import { findCondition } from '../../platform/kubernetes/conditions.js';
import { TERMINAL } from './function-status.policy.js';
import type { FunctionEntity } from './store/function.entity.js';

/** What of a function decides whether there is something to tell. */
export type ToldFunction = Pick<FunctionEntity, 'conditions' | 'release' | 'targetRevision' | 'lastRevision'>;

export type Standing = { is: 'ready' } | { is: 'failed'; reason: string } | { is: 'under way' };

/** How it stands for those who are told of it: one that sleeps until it is called is as it shall be, one that waits has not failed. */
export function standingOf(conditions: readonly Condition[]): Standing {
  const ready = findCondition(conditions, 'Ready');
  if (ready?.status === 'True' || ready?.reason === 'Idle') return { is: 'ready' };
  return ready?.status === 'False' && TERMINAL.has(ready.reason) ? { is: 'failed', reason: ready.reason } : { is: 'under way' };
}

/** Where it has come to, when that is a place to tell of and another one than before. */
export function arrivalOf(before: ToldFunction, after: ToldFunction): Exclude<Standing, { is: 'under way' }> | undefined {
  const [was, now] = [standingOf(before.conditions), standingOf(after.conditions)];
  if (now.is === 'under way') return undefined;
  if (was.is === now.is && (was.is !== 'failed' || now.is !== 'failed' || was.reason === now.reason)) return undefined;
  return now;
}

/** How a release ended just now: that of a first revision is none, there was nothing before it. */
export function releaseEndOf(before: ToldFunction, after: ToldFunction): { end: 'promoted' | 'aborted'; revision: number } | undefined {
  const [was, now] = [before.release.rollout, after.release.rollout];
  if (!now || after.lastRevision === 1 || (now.phase !== 'completed' && now.phase !== 'aborted')) return undefined;
  if (was && was.revision === now.revision && was.attempt === now.attempt && was.phase === now.phase) return undefined;
  return { end: now.phase === 'completed' ? 'promoted' : 'aborted', revision: now.revision };
}
