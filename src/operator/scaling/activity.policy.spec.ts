import { describe, expect, test } from 'vitest';
import type { FunctionResource, FunctionStatus } from '../../contract/function-resource.js';
import { functionOf, NOW } from '../function/testing/observed.js';
import { decideActivity, PROVE_WITHIN_MS, START_WITHIN_MS } from './activity.policy.js';
import type { FunctionLoadView } from './load-view.js';

const at = (ms: number): string => new Date(NOW + ms).toISOString();
const silent = (lastActive: number, more: Partial<FunctionLoadView> = {}): FunctionLoadView => ({
  lastActiveAt: NOW + lastActive, perSecond: 0, concurrency: 0, waiting: 0, complete: true, ...more,
});

interface Given {
  status?: FunctionStatus;
  wake?: string;
  target?: number;
  min?: number;
  suspension?: 'none' | 'ingress' | 'compute';
  idleTimeoutSeconds?: number;
}

/** Stops 100 s after its last request, unless another time is given. */
function sleeper({ status = {}, wake, target = 1, min = 0, suspension = 'none', idleTimeoutSeconds = 100 }: Given): FunctionResource {
  const known: FunctionStatus = { observedPlatformGeneration: 7, servingRevision: 1, ...status };
  const fn = functionOf({ target, scaling: { min, max: 3, idleTimeoutSeconds }, suspension }, known);
  return wake ? { ...fn, metadata: { ...fn.metadata, annotations: { 'fnplane.dev/wake': wake } } } : fn;
}

const active = (since: number): FunctionStatus => ({ scale: { active: true, since: at(since) } });
const asleep = (since: number): FunctionStatus => ({ scale: { active: false, since: at(since) } });

describe('a function that keeps no pods', () => {
  test.each<[string, Given, Parameters<typeof decideActivity>[1], { active: boolean; since: number; againAfterMs?: number }]>([
    ['runs when it is first deployed', { status: { servingRevision: undefined, observedPlatformGeneration: undefined } }, { now: NOW }, { active: true, since: 0 }],
    ['runs on while nobody watches its load', { status: active(-1_000_000) }, { now: NOW }, { active: true, since: -1_000_000 }],
    ['runs until its idle timeout is over', { status: active(-1_000_000) }, { now: NOW, load: silent(-40_000) }, { active: true, since: -1_000_000, againAfterMs: 60_000 }],
    ['counts its idle time from its start at the earliest', { status: active(-30_000) }, { now: NOW, load: silent(-500_000) }, { active: true, since: -30_000, againAfterMs: 70_000 }],
    ['does not stop before a pod that starts slowly is there', { status: { ...active(-30_000), readyReplicas: 0 }, idleTimeoutSeconds: 10 }, { now: NOW, load: silent(-500_000) }, { active: true, since: -30_000, againAfterMs: 30_000 }],
    ['stops without one that does not come', { status: { ...active(-START_WITHIN_MS), readyReplicas: 0 }, idleTimeoutSeconds: 10 }, { now: NOW, load: silent(-500_000) }, { active: false, since: 0 }],
    ['stops after it', { status: active(-1_000_000) }, { now: NOW, load: silent(-100_000) }, { active: false, since: 0 }],
    ['does not stop with a request under way', { status: active(-1_000_000) }, { now: NOW, load: silent(-500_000, { concurrency: 0.2 }) }, { active: true, since: -1_000_000, againAfterMs: 100_000 }],
    ['does not stop with a request that waits', { status: active(-1_000_000) }, { now: NOW, load: silent(-500_000, { waiting: 1 }) }, { active: true, since: -1_000_000, againAfterMs: 100_000 }],
    ['does not stop with messages that wait', { status: active(-1_000_000) }, { now: NOW, load: silent(-500_000, { lag: 3 }) }, { active: true, since: -1_000_000, againAfterMs: 100_000 }],
    ['does not stop while silence says nothing', { status: active(-1_000_000) }, { now: NOW, load: silent(-500_000, { complete: false }) }, { active: true, since: -1_000_000, againAfterMs: 15_000 }],
    ['does not stop when it was just asked for', { status: active(-1_000_000), wake: at(-10_000) }, { now: NOW, load: silent(-500_000) }, { active: true, since: -1_000_000, againAfterMs: 90_000 }],
    ['sleeps on', { status: asleep(-5_000) }, { now: NOW, load: silent(-500_000) }, { active: false, since: -5_000 }],
    ['wakes for a later annotation', { status: asleep(-5_000), wake: at(-4_999) }, { now: NOW, load: silent(-500_000) }, { active: true, since: 0 }],
    ['wakes for an annotation in whole seconds', { status: asleep(-500), wake: at(-1_000).replace('.000Z', 'Z') }, { now: NOW }, { active: true, since: 0 }],
    ['does not wake for what woke it before', { status: asleep(-5_000), wake: at(-60_000) }, { now: NOW }, { active: false, since: -5_000 }],
    ['does not wake for what is no time', { status: asleep(-5_000), wake: 'soon' }, { now: NOW }, { active: false, since: -5_000 }],
    ['wakes when this process is asked', { status: asleep(-5_000) }, { now: NOW, wokenAt: NOW - 1 }, { active: true, since: 0 }],
    ['wakes for requests that wait', { status: asleep(-5_000) }, { now: NOW, load: silent(-500_000, { waiting: 2 }) }, { active: true, since: 0 }],
    ['wakes for messages that wait', { status: asleep(-5_000) }, { now: NOW, load: silent(-500_000, { lag: 1 }) }, { active: true, since: 0 }],
    ['sleeps on while nothing is known of messages', { status: asleep(-5_000) }, { now: NOW, load: silent(-500_000, { lag: undefined, complete: false }) }, { active: false, since: -5_000 }],
    ['wakes for a new target', { status: { ...asleep(-5_000), servingRevision: 4, observedPlatformGeneration: 6 } }, { now: NOW }, { active: true, since: 0 }],
    ['sleeps on for other settings', { status: { ...asleep(-5_000), observedPlatformGeneration: 6 } }, { now: NOW }, { active: false, since: -5_000 }],
    ['runs on for a target that has still to prove itself', { status: { ...active(-200_000), servingRevision: 4 } }, { now: NOW, load: silent(-200_000) }, { active: true, since: -200_000, againAfterMs: PROVE_WITHIN_MS - 200_000 }],
    ['stops with a target that did not in time', { status: { ...active(-PROVE_WITHIN_MS), servingRevision: 4 } }, { now: NOW, load: silent(-200_000) }, { active: false, since: 0 }],
    ['stops with a target whose rollout was aborted', {
      status: { ...active(-200_000), servingRevision: 4, rollout: { revision: 1, attempt: 0, stable: 4, phase: 'aborted', step: 0, weight: 0 } },
    }, { now: NOW, load: silent(-200_000) }, { active: false, since: 0 }],
  ])('%s', (_, given, input, { active: runs, since, againAfterMs }) => {
    expect(decideActivity(sleeper(given), input)).toEqual({ active: runs, since: at(since), againAfterMs });
  });
});

test.each<[string, Given, boolean, number]>([
  ['a minimum keeps it running', { min: 1, status: active(-1_000_000) }, true, -1_000_000],
  ['a minimum wakes it', { min: 1, status: asleep(-1_000_000) }, true, 0],
  ['suspended compute stops it whatever its minimum', { min: 2, suspension: 'compute', status: active(-1_000) }, false, 0],
  ['suspended ingress does not', { min: 2, suspension: 'ingress', status: active(-1_000) }, true, -1_000],
])('%s', (_, given, runs, since) => {
  expect(decideActivity(sleeper(given), { now: NOW, load: silent(-500_000) })).toEqual({ active: runs, since: at(since), againAfterMs: undefined });
});
