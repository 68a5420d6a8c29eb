import { describe, expect, test } from 'vitest';
import type { FunctionSpec, FunctionStatus, RolloutSpec, RolloutStatus } from '../../contract/function-resource.js';
import { functionOf, IMAGE, NOW } from '../function/testing/observed.js';
import { revision } from '../function/testing/test-tenant.js';
import { decideScale } from '../scaling/scale.policy.js';
import { forwardByArgo, isSteppedByArgo, steerArgo, type ArgoView } from './argo.policy.js';
import { buildArgoRollout, type ArgoRollout, type ArgoStatus } from './manifests/argo-rollout.js';
import { moveRollout } from './rollout.policy.js';

const CANARY: RolloutSpec = { strategy: 'canary', attempt: 1, engine: 'argo', steps: [{ setWeight: 20 }, { pause: { seconds: 60 } }, { setWeight: 50 }, { pause: {} }] };
const BLUE_GREEN: RolloutSpec = { strategy: 'blue-green', attempt: 1, engine: 'argo' };
const PAUSED_AT = '2026-01-01T11:59:00Z';
const AT = new Date(NOW).toISOString();
const HASHES: Record<string, number> = { one: 1, two: 2 };
const UNDER_WAY: ArgoStatus = { stableRS: 'one', currentPodHash: 'two', currentStepIndex: 0 };

interface Case {
  rollout?: RolloutSpec;
  spec?: Partial<FunctionSpec>;
  known?: Partial<RolloutStatus>;
  argo?: ArgoStatus | undefined;
  /** The revision whose template the Rollout has. */
  template?: number;
  ready?: Record<number, number>;
  verdict?: string;
}

function world({ rollout = CANARY, spec = {}, known, argo = UNDER_WAY, template = 2, ready = { 1: 5, 2: 5 }, verdict }: Case) {
  const status: FunctionStatus = { servingRevision: 1, scale: { active: true, since: PAUSED_AT }, ...(known ? { rollout: { revision: 2, attempt: 1, stable: 1, phase: 'stepping', step: 0, weight: 0, stepStartedAt: AT, ...known } } : {}) };
  const fn = functionOf({ target: 2, revisions: [revision(1, IMAGE), revision(2, IMAGE)], rollout, scaling: { min: 5, max: 5 }, ...spec }, status);
  const built = buildArgoRollout(fn, revision(template, IMAGE), { replicas: 5, paused: false });
  const standing: ArgoRollout = { ...built, metadata: { ...built.metadata, generation: 4 }, status: { observedGeneration: '4', ...argo } };
  const of = (number: number): number => ready[number] ?? 0;
  const view: ArgoView = { rollout: template === 0 ? undefined : standing, hosted: of, revisionOf: (hash) => (of(HASHES[hash] ?? 0) > 0 ? HASHES[hash] : undefined) };
  const move = moveRollout({
    fn, now: NOW, before: 1, share: 100, verdict, forward: forwardByArgo(view), pods: { ready: of, current: of, able: () => true },
    scale: (shares) => decideScale(fn, { now: NOW, shares, ready: new Map(Object.entries(ready).map(([number, count]) => [Number(number), count])) }),
  });
  return { fn, view, status: move.status, due: move.due };
}

describe('where a rollout stands is where Argo stands', () => {
  test.each<[string, Case, Partial<RolloutStatus>]>([
    ['its template is not the target\'s yet', { template: 1, argo: { stableRS: 'one', currentPodHash: 'one' } }, { phase: 'waiting', step: 0, weight: 0, stable: 1 }],
    ['there is no Rollout yet', { template: 0 }, { phase: 'waiting', weight: 0 }],
    ['its template is another one again: what was reached counts no more', { template: 1, known: { step: 1, weight: 20 } }, { phase: 'waiting', step: 0, weight: 0 }],
    ['Argo has not looked at a change yet: all stays', { known: { phase: 'paused', step: 1, weight: 20, message: 'x' }, argo: { ...UNDER_WAY, observedGeneration: '3' } }, { phase: 'paused', step: 1, weight: 20, message: 'x' }],
    ['a step whose pods start gives nothing yet', { known: {}, argo: UNDER_WAY, ready: { 1: 5 } }, { phase: 'waiting', step: 0, weight: 0 }],
    ['a passed step gives its weight', { known: {}, argo: { ...UNDER_WAY, currentStepIndex: 1 } }, { phase: 'stepping', step: 1, weight: 20 }],
    ['a passed step without ready pods gives nothing', { known: {}, argo: { ...UNDER_WAY, currentStepIndex: 3 }, ready: { 1: 5, 2: 2 } }, { phase: 'waiting', step: 3, weight: 0 }],
    ['a pause of a length', { known: { weight: 20 }, argo: { ...UNDER_WAY, currentStepIndex: 1, pauseConditions: [{ reason: 'CanaryPauseStep', startTime: PAUSED_AT }] } }, { phase: 'paused', step: 1, weight: 20, stepStartedAt: PAUSED_AT, message: 'Paused at step 2 of 4 for 60 s.' }],
    ['a pause without an end', { known: { weight: 50 }, argo: { ...UNDER_WAY, currentStepIndex: 3, pauseConditions: [{ reason: 'CanaryPauseStep', startTime: PAUSED_AT }] } }, { phase: 'paused', step: 3, weight: 50, message: 'Paused at step 4 of 4 until its owner resumes it.' }],
    ['all steps are passed', { known: { step: 3, weight: 50 }, argo: { ...UNDER_WAY, currentStepIndex: 4 } }, { phase: 'waiting', step: 4, weight: 50 }],
    ['Argo calls the target the stable one', { known: { step: 4, weight: 50 }, argo: { stableRS: 'two', currentPodHash: 'two', currentStepIndex: 4 } }, { phase: 'completed', step: 4, weight: 100, stable: 1 }],
    ['Argo has seen the new generation, and its template not yet', { known: {}, argo: { stableRS: 'one', currentPodHash: 'one' } }, { phase: 'stepping', weight: 0 }],
    ['ended by somebody in Argo', { known: { step: 1, weight: 20 }, argo: { ...UNDER_WAY, abort: true } }, { phase: 'aborted', weight: 0, message: 'Ended in Argo Rollouts: revision 1 has the requests.' }],
    ['an earlier attempt was ended', { known: { phase: 'aborted' }, rollout: { ...CANARY, attempt: 2 }, argo: { ...UNDER_WAY, abort: true } }, { phase: 'waiting', attempt: 2, weight: 0 }],
    ['ended by its owner, before Argo knows', { known: { step: 1, weight: 20 }, rollout: { ...CANARY, aborted: true } }, { phase: 'aborted', weight: 0, message: expect.stringContaining('by its owner') as string }],
    ['a bound is broken', { known: { step: 1, weight: 20 }, verdict: 'Too many errors.' }, { phase: 'aborted', weight: 0, message: 'Too many errors.' }],
    ['held by its owner', { known: { step: 1, weight: 20 }, rollout: { ...CANARY, paused: true } }, { phase: 'paused', weight: 20, message: 'Held by its owner.' }],
    ['degraded', { known: { weight: 0 }, argo: { ...UNDER_WAY, phase: 'Degraded', message: 'ProgressDeadlineExceeded: timed out' } }, { phase: 'waiting', message: 'Argo Rollouts: ProgressDeadlineExceeded: timed out' }],
    ['blue-green beside', { rollout: BLUE_GREEN, known: {}, argo: { ...UNDER_WAY, currentStepIndex: 1, pauseConditions: [{ reason: 'CanaryPauseStep', startTime: PAUSED_AT }] } }, { phase: 'paused', step: 0, weight: 0, message: 'Stands beside revision 1 until its owner promotes it.' }],
  ])('%s', (_what, given, expected) => {
    expect(world(given).status).toMatchObject(expected);
  });

  test('what the step asks for is what the owner is told', () => {
    expect(world({ known: {}, ready: { 1: 5 } }).due).toBe(20);
    expect(world({ known: { step: 1, weight: 20 }, argo: { ...UNDER_WAY, currentStepIndex: 2 } }).due).toBe(50);
  });
});

describe('what Argo is told', () => {
  const told = (given: Case): Partial<ArgoStatus> | undefined => {
    const { fn, view, status } = world(given);
    return steerArgo(fn, view, status);
  };
  const paused: ArgoStatus = { ...UNDER_WAY, currentStepIndex: 1, pauseConditions: [{ reason: 'CanaryPauseStep', startTime: PAUSED_AT }] };

  test.each<[string, Case, Partial<ArgoStatus> | undefined]>([
    ['nothing while all goes by itself', { known: {}, argo: paused }, undefined],
    ['to resume at this pause', { known: { step: 1, weight: 20 }, argo: paused, rollout: { ...CANARY, resumedStep: 2 } }, { pauseConditions: null }],
    ['nothing of a pause before', { known: { step: 3, weight: 50 }, argo: { ...paused, currentStepIndex: 3 }, rollout: { ...CANARY, resumedStep: 2 } }, undefined],
    ['to promote', { known: { step: 1, weight: 20 }, argo: paused, rollout: { ...CANARY, promoted: true } }, { promoteFull: true }],
    ['to promote, once', { known: { step: 1, weight: 20 }, argo: { ...UNDER_WAY, promoteFull: true }, rollout: { ...CANARY, promoted: true } }, undefined],
    ['to abort', { known: { step: 1, weight: 20 }, argo: paused, rollout: { ...CANARY, aborted: true } }, { abort: true }],
    ['to abort, once', { known: { phase: 'aborted' }, argo: { ...UNDER_WAY, abort: true }, rollout: { ...CANARY, aborted: true } }, undefined],
    ['to try again', { known: { phase: 'aborted' }, argo: { ...UNDER_WAY, abort: true }, rollout: { ...CANARY, attempt: 2 } }, { abort: false }],
    ['that another configuration of what serves takes no steps', { known: { phase: 'completed', weight: 100 } }, { promoteFull: true }],
    ['nothing of a template that is neither the target\'s nor the good one', { template: 3, rollout: { ...CANARY, promoted: true } }, undefined],
    ['nothing before it has looked at the present spec', { known: { step: 1, weight: 20 }, argo: { ...paused, observedGeneration: '3' }, rollout: { ...CANARY, promoted: true } }, undefined],
    ['nothing where the target is promoted', { known: { phase: 'completed', weight: 100 }, argo: { stableRS: 'two', currentPodHash: 'two' } }, undefined],
  ])('%s', (_what, given, expected) => {
    expect(told(given)).toEqual(expected);
  });
});

test('shares that name revisions are the operator\'s', () => {
  const rollout = CANARY;
  expect(isSteppedByArgo(functionOf({ rollout }))).toBe(true);
  expect(isSteppedByArgo(functionOf({ rollout, traffic: [{ percent: 100, tag: 'live' }] }))).toBe(true);
  expect(isSteppedByArgo(functionOf({ rollout, traffic: [{ percent: 90 }, { revision: 1, percent: 10 }] }))).toBe(false);
  expect(isSteppedByArgo(functionOf({ rollout: { ...rollout, engine: 'operator' } }))).toBe(false);
});
