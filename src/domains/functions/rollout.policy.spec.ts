import { describe, expect, it } from 'vitest';
import type { RolloutStatus } from '../../contract/function-resource.js';
import type { RolloutState } from './function-body.js';
import { applyVerb, followsTarget, nextRollout, revisionsBeside, rollbackGoal, rolloutNow, rolloutSpec, runsTwice, ROLLOUT_VERBS, type Released, type RolloutVerb } from './rollout.policy.js';

const STEPPING: RolloutStatus = { revision: 2, attempt: 3, phase: 'stepping', step: 1, weight: 20, stable: 1 };

/** Revision 2 takes the traffic from 1 by steps. */
function released(more: Partial<Released> = {}, told: Partial<RolloutStatus> | null = {}): Released {
  return {
    targetRevision: 2, servingRevision: 1, previousRevision: null, traffic: [{ percent: 100 }], rollout: { strategy: 'canary', steps: [{ setWeight: 20 }, { pause: {} }] },
    rolloutState: { attempt: 3 }, release: told === null ? {} : { rollout: { ...STEPPING, ...told } }, ...more,
  };
}

describe('rolloutNow', () => {
  it('is what the cluster told of this try', () => {
    expect(rolloutNow(released())).toEqual(STEPPING);
  });

  it.each<[string, Released, Partial<RolloutStatus>]>([
    ['of another target', released({ targetRevision: 4 }), { revision: 4, attempt: 3, phase: 'waiting', weight: 0, stable: 1 }],
    ['of another try', released({ rolloutState: { attempt: 4 } }), { attempt: 4, phase: 'waiting', weight: 0, stable: 1 }],
    ['of nothing, and the target serves', released({ servingRevision: 2 }, null), { phase: 'completed', step: 2, weight: 100 }],
    ['of nothing, and nothing serves', released({ servingRevision: null }, null), { phase: 'waiting', weight: 0 }],
  ])('is what must be where it told %s', (_, fn, expected) => {
    const now = rolloutNow(fn);
    expect(now).toMatchObject(expected);
    if (!('stable' in expected)) expect(now).not.toHaveProperty('stable');
  });
});

describe('applyVerb', () => {
  it.each<[RolloutVerb, string, Released, RolloutState | undefined]>([
    ['promote', 'under way', released(), { attempt: 3, promoted: true }],
    ['promote', 'paused by its owner', released({ rolloutState: { attempt: 3, paused: true, resumedStep: 1 } }), { attempt: 3, resumedStep: 1, promoted: true }],
    ['promote', 'promoted', released({ rolloutState: { attempt: 3, promoted: true } }), undefined],
    ['pause', 'under way', released(), { attempt: 3, paused: true }],
    ['pause', 'paused', released({ rolloutState: { attempt: 3, paused: true } }), undefined],
    ['resume', 'paused by its owner', released({ rolloutState: { attempt: 3, paused: true } }), { attempt: 3, resumedStep: 2 }],
    ['resume', 'paused by a step', released({}, { phase: 'paused', step: 1 }), { attempt: 3, resumedStep: 2 }],
    ['resume', 'paused by a later step', released({ rolloutState: { attempt: 3, resumedStep: 2 } }, { phase: 'paused', step: 3 }), { attempt: 3, resumedStep: 4 }],
    ['resume', 'paused by its owner before anything was told', released({ rolloutState: { attempt: 4, paused: true } }), { attempt: 4, resumedStep: 1 }],
    ['abort', 'under way', released({ rolloutState: { attempt: 3, paused: true } }), { attempt: 3, aborted: true }],
    ['abort', 'aborted', released({ rolloutState: { attempt: 3, aborted: true } }), undefined],
    ['abort', 'aborted by itself', released({}, { phase: 'aborted' }), undefined],
    ['retry', 'aborted', released({ rolloutState: { attempt: 3, aborted: true } }), { attempt: 4 }],
    ['retry', 'aborted by itself', released({}, { phase: 'aborted' }), { attempt: 4 }],
  ])('%s of what is %s', (verb, _, fn, expected) => {
    expect(applyVerb(verb, fn)).toEqual(expected);
  });

  it.each<[RolloutVerb, string, Released, string]>([
    ['resume', 'goes on', released(), 'ROLLOUT_NOT_PAUSED'],
    ['resume', 'was resumed already', released({ rolloutState: { attempt: 3, resumedStep: 2 } }, { phase: 'paused', step: 1 }), 'ROLLOUT_NOT_PAUSED'],
    ['abort', 'is the first', released({ servingRevision: null }, null), 'ROLLOUT_NOTHING_BEFORE'],
    ['retry', 'goes on', released(), 'ROLLOUT_NOT_ABORTED'],
    ['retry', 'is completed', released({}, { phase: 'completed' }), 'ROLLOUT_NOT_ABORTED'],
    ...(['promote', 'pause', 'resume', 'abort'] as const).map((verb) => [verb, 'is completed', released({}, { phase: 'completed' }), 'ROLLOUT_NOT_UNDER_WAY'] as [RolloutVerb, string, Released, string]),
    ...(['promote', 'pause', 'resume'] as const).map((verb) => [verb, 'is aborted', released({}, { phase: 'aborted' }), 'ROLLOUT_ABORTED'] as [RolloutVerb, string, Released, string]),
  ])('%s of what %s is refused', (verb, _, fn, code) => {
    expect(() => applyVerb(verb, fn)).toThrow(expect.objectContaining({ kind: 'conflict', code }));
  });

  it('changes nothing of what it is given', () => {
    const fn = released({ rolloutState: { attempt: 3, paused: true } });
    for (const verb of ROLLOUT_VERBS.filter((one) => one !== 'retry')) applyVerb(verb, fn);
    expect(fn.rolloutState).toEqual({ attempt: 3, paused: true });
  });
});

it('each target starts anew', () => {
  expect(nextRollout({ attempt: 3, paused: true, promoted: true, aborted: true, immediate: true, resumedStep: 4 })).toEqual({ attempt: 4 });
});

it.each<[string, Released, number | undefined]>([
  ['to what has the rest while the target does not have all', released({ servingRevision: 2, previousRevision: 7 }), 1],
  ['to what serves while the target does not', released({ servingRevision: 1 }, null), 1],
  ['to what served before the target', released({ servingRevision: 2, previousRevision: 1 }, { phase: 'completed' }), 1],
  ['nowhere from the first', released({ servingRevision: 2 }, { phase: 'completed' }), undefined],
  ['nowhere while nothing serves', released({ servingRevision: null }, null), undefined],
])('a rollback goes %s', (_, fn, goal) => {
  expect(rollbackGoal(fn)).toBe(goal);
});

it.each<[string, Released, boolean]>([
  ['while a canary steps', released({}), true],
  ['before a cluster has told of it', released({ servingRevision: 1 }, null), true],
  ['not for the first', released({ servingRevision: null }, null), false],
  ['not once it is through', released({ servingRevision: 2 }, { phase: 'completed' }), false],
  ['not once it is aborted', released({}, { phase: 'aborted' }), false],
  ['nor once that is asked for', released({ rolloutState: { attempt: 3, aborted: true } }), false],
  ['not for a rollback, which is all at once', released({ rolloutState: { attempt: 3, immediate: true } }), false],
  ['not all at once', { ...released({}), rollout: { strategy: 'all-at-once' } }, false],
  ['not where no rule follows it', released({ traffic: [{ revision: 1, percent: 100 }] }), false],
])('two revisions may have all pods: %s', (_, fn, twice) => {
  expect(runsTwice(fn)).toBe(twice);
});

it.each([[[], true], [[{ percent: 100 }], true], [[{ revision: 1, percent: 100 }], false], [[{ revision: 1, percent: 99 }, { percent: 1 }], true]])('rules %j follow the target: %s', (rules, follows) => {
  expect(followsTarget(rules)).toBe(follows);
});

it('a rollback tells the operator of no steps', () => {
  const { rollout } = released();
  expect(rolloutSpec(rollout, { attempt: 3, paused: true })).toEqual({ ...rollout, attempt: 3, paused: true });
  expect(rolloutSpec(rollout, { attempt: 3, immediate: true })).toEqual({ strategy: 'all-at-once', attempt: 3 });
});

describe('revisionsBeside', () => {
  const fn = { targetRevision: 5, servingRevision: 1, traffic: [{ percent: 100 }] };

  it.each([
    ['what serves, as far as is known', fn, {}, [1]],
    ['what the cluster says serves', fn, { servingRevision: 2 }, [2]],
    ['nothing once the target has all', fn, { servingRevision: 5, traffic: [{ revision: 5, percent: 100 }], rollout: { ...STEPPING, revision: 5, phase: 'completed' as const } }, []],
    ['what has the rest', fn, { servingRevision: 5, rollout: { ...STEPPING, revision: 5, stable: 3 } }, [3]],
    ['all that share the traffic', fn, { servingRevision: 3, traffic: [{ revision: 3, percent: 80 }, { revision: 4, percent: 20 }] }, [3, 4]],
    ['what rules name, tags too', { ...fn, traffic: [{ percent: 100 }, { revision: 2, percent: 0, tag: 'old' }] }, { servingRevision: 5 }, [2]],
    ['no tag that is no longer asked for', fn, { servingRevision: 5, traffic: [{ revision: 5, percent: 100 }, { revision: 2, percent: 0, tag: 'old' }] }, []],
  ])('are %s', (_, of, status, expected) => {
    expect(revisionsBeside(of, status)).toEqual(expected);
  });
});
