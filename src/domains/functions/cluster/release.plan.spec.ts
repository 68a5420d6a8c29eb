import { describe, expect, it } from 'vitest';
import type { FunctionResource, FunctionStatus } from '../../../contract/function-resource.js';
import { FunctionEntity, type FunctionWithTarget } from '../store/function.entity.js';
import { RevisionEntity } from '../store/revision.entity.js';
import { hasSuperseded } from './function.watch.js';
import { planRelease } from './release.plan.js';

const revision = (number: number, buildState: RevisionEntity['buildState'] = 'built'): RevisionEntity =>
  Object.assign(new RevisionEntity(), { number, buildState, image: buildState === 'built' ? `registry.example/f@sha256:${'a'.repeat(64)}` : null });

function fn(target: RevisionEntity, more: Partial<FunctionEntity> = {}): FunctionWithTarget {
  return Object.assign(new FunctionEntity(), {
    targetRevision: target.number, traffic: [{ percent: 100 }], rollout: { strategy: 'canary', steps: [{ setWeight: 20 }] }, rolloutState: { attempt: 3, paused: true }, ...more, target,
  });
}

describe('planRelease', () => {
  it('tells of the target and of what must be able to run beside it', () => {
    const plan = planRelease(fn(revision(3)), [2, 1], [revision(1), revision(2)]);
    expect(plan).toMatchObject({ target: 3, rollout: { strategy: 'canary', steps: [{ setWeight: 20 }], attempt: 3, paused: true } });
    expect(plan.revisions.map(({ number }) => number)).toEqual([3, 2, 1]);
  });

  it.each(['failed', 'pending'] as const)('leaves what serves the target, without steps, while the new one is %s', (buildState) => {
    const plan = planRelease(fn(revision(3, buildState)), [2, 1], [revision(1), revision(2)]);
    expect(plan).toMatchObject({ target: 2, rollout: { strategy: 'all-at-once', attempt: 3 } });
    expect(plan.rollout).not.toHaveProperty('paused');
    expect(plan.revisions.map(({ number }) => number)).toEqual([2, 1]);
  });

  it('has no target while nothing was ever built', () => {
    expect(planRelease(fn(revision(1, 'failed')), [], [])).toMatchObject({ target: undefined, revisions: [] });
  });

  it('does without what is no longer kept, unless traffic names it', () => {
    expect(planRelease(fn(revision(3)), [2], []).revisions.map(({ number }) => number)).toEqual([3]);
    const named = fn(revision(3), { traffic: [{ percent: 50 }, { revision: 2, percent: 50 }] });
    for (const kept of [[], [revision(2, 'failed')], [revision(2, 'pending')]]) {
      expect(() => planRelease(named, [2], kept)).toThrow(expect.objectContaining({ code: 'TRAFFIC_REVISION_WITHOUT_IMAGE', message: expect.stringContaining('Revision 2') as string }));
    }
  });
});

describe('hasSuperseded', () => {
  const resource = (status: FunctionStatus, spec: object = {}): FunctionResource => ({ spec: { target: 2, revisions: [{ number: 2 }, { number: 1 }], ...spec }, status }) as unknown as FunctionResource;

  it.each<[string, FunctionResource, boolean]>([
    ['the target has all', resource({ servingRevision: 2, traffic: [{ revision: 2, percent: 100 }] }), true],
    ['nothing serves yet', resource({}), false],
    ['the one before serves', resource({ servingRevision: 1 }), false],
    ['the one before has the rest', resource({ servingRevision: 2, traffic: [{ revision: 2, percent: 80 }, { revision: 1, percent: 20 }] }), false],
    ['a rollout that is not over could go back', resource({ servingRevision: 2, rollout: { revision: 2, attempt: 1, phase: 'stepping', step: 3, weight: 100, stable: 1 } }), false],
    ['traffic names the other', resource({ servingRevision: 2 }, { traffic: [{ percent: 100 }, { revision: 1, percent: 0, tag: 'old' }] }), false],
    ['there is no other', resource({ servingRevision: 2 }, { revisions: [{ number: 2 }] }), false],
  ])('while %s: %s', (_, of, expected) => {
    expect(hasSuperseded(of)).toBe(expected);
  });
});
