import { describe, expect, it } from 'vitest';
import type { Condition, ConditionReason, RolloutPhase } from '../../contract/function-resource.js';
import { arrivalOf, releaseEndOf, type ToldFunction } from './function-news.policy.js';

function fn(status: Condition['status'], reason: ConditionReason, more: Partial<ToldFunction> = {}): ToldFunction {
  return { conditions: [{ type: 'Ready', status, reason, message: '', lastTransitionTime: '' }], release: {}, targetRevision: 2, lastRevision: 2, ...more };
}

function rolling(phase: RolloutPhase | undefined, more: { attempt?: number; lastRevision?: number } = {}): ToldFunction {
  return fn('True', 'Ready', { release: phase ? { rollout: { revision: 2, attempt: more.attempt ?? 1, phase, step: 0, weight: 0 } } : {}, lastRevision: more.lastRevision ?? 2 });
}

describe('what is told of a function', () => {
  it.each([
    ['a deployment that becomes ready', fn('False', 'Deploying'), fn('True', 'Ready'), { is: 'ready' }],
    ['one that becomes ready asleep', fn('False', 'Deploying'), fn('False', 'Idle'), { is: 'ready' }],
    ['one that falls asleep', fn('True', 'Ready'), fn('False', 'Idle'), undefined],
    ['one that is woken', fn('False', 'Idle'), fn('True', 'Ready'), undefined],
    ['a build that fails', fn('False', 'Building'), fn('False', 'BuildFailed'), { is: 'failed', reason: 'BuildFailed' }],
    ['one that breaks', fn('True', 'Ready'), fn('False', 'CrashLooping'), { is: 'failed', reason: 'CrashLooping' }],
    ['one that stays broken', fn('False', 'CrashLooping'), fn('False', 'CrashLooping'), undefined],
    ['one that is broken otherwise', fn('False', 'CrashLooping'), fn('False', 'OutOfMemory'), { is: 'failed', reason: 'OutOfMemory' }],
    ['one that works again', fn('False', 'CrashLooping'), fn('True', 'Ready'), { is: 'ready' }],
    ['one that waits', fn('True', 'Ready'), fn('False', 'Deploying'), undefined],
  ])('%s', (_, before, after, expected) => {
    expect(arrivalOf(before, after)).toEqual(expected);
  });

  it.each([
    ['a release that ends', rolling('stepping'), rolling('completed'), { end: 'promoted', revision: 2 }],
    ['one that is taken back', rolling('paused'), rolling('aborted'), { end: 'aborted', revision: 2 }],
    ['one that had ended', rolling('completed'), rolling('completed'), undefined],
    ['one that is under way', rolling('waiting'), rolling('stepping'), undefined],
    ['another attempt that ends', rolling('completed'), rolling('completed', { attempt: 2 }), { end: 'promoted', revision: 2 }],
    ['a first revision', rolling(undefined), rolling('completed', { lastRevision: 1 }), undefined],
    ['nothing', rolling('completed'), rolling(undefined), undefined],
  ])('%s', (_, before, after, expected) => {
    expect(releaseEndOf(before, after)).toEqual(expected);
  });
});
