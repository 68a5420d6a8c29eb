import { describe, expect, test } from 'vitest';
import type { FunctionStatus, RolloutSpec, RolloutStatus } from '../../contract/function-resource.js';
import { functionOf, IMAGE, NOW } from '../function/testing/observed.js';
import { revision } from '../function/testing/test-tenant.js';
import type { ScaleDecision } from '../scaling/scale.policy.js';
import { moveRollout, type RolloutMove } from './rollout.policy.js';

/** What the tables vary. The target is revision 2, ten pods bear everything, revision 1 has them. */
interface World {
  rollout?: Partial<RolloutSpec>;
  status?: Partial<RolloutStatus>;
  /** Ready pods by revision. */
  ready?: Record<number, number>;
  target?: number;
  before?: number;
  listed?: number[];
  active?: boolean;
  activeSince?: number;
  suspended?: boolean;
  verdict?: string;
  share?: number;
  at?: number;
}

const STEPS: RolloutSpec['steps'] = [{ setWeight: 20 }, { pause: { seconds: 60 } }, { setWeight: 50 }, { pause: {} }, { setWeight: 80 }];
const CANARY: Partial<RolloutSpec> = { strategy: 'canary', steps: STEPS };
const iso = (ms: number): string => new Date(ms).toISOString();

function move(world: World): RolloutMove {
  const { target = 2, listed = [1, 2, 3], ready = { 1: 10, 2: 10 }, active = true, at = NOW } = world;
  const known: FunctionStatus | undefined = world.status === undefined ? undefined : { rollout: { revision: 2, attempt: 1, stable: 1, phase: 'waiting', step: 0, weight: 0, ...world.status } };
  const fn = functionOf({
    target, revisions: listed.map((number) => revision(number, IMAGE)), rollout: { strategy: 'all-at-once', attempt: 1, ...world.rollout },
    suspension: world.suspended ? 'compute' : 'none',
  }, known);
  const count = (number: number): number => ready[number] ?? 0;
  const scale = (shares: ReadonlyMap<number, number>): ScaleDecision => ({
    active, since: world.activeSince === undefined ? undefined : iso(world.activeSince), autoscalers: { applies: [], removals: [] }, report: { followed: false }, againAfterMs: undefined,
    revisions: [...shares].map(([number, percent]) => ({ number, replicas: undefined, needed: Math.max(1, Math.ceil(percent / 10)) })),
  });
  return moveRollout({
    fn, now: at, before: 'before' in world ? world.before : 1, share: world.share ?? 100, scale, verdict: world.verdict,
    pods: { ready: count, current: count, able: (number) => listed.includes(number) },
  });
}

const short = ({ status: { phase, step, weight, stable }, due }: RolloutMove): string => `${phase} step ${step} weight ${weight} stable ${stable ?? '-'} due ${due}`;

describe('all at once', () => {
  test.each<[string, World, string]>([
    ['begins beside the revision that serves, and wants all', { ready: { 1: 10 } }, 'waiting step 0 weight 0 stable 1 due 100'],
    ['waits for its last pod', { ready: { 1: 10, 2: 9 } }, 'waiting step 0 weight 0 stable 1 due 100'],
    ['moves with all of them', {}, 'completed step 0 weight 100 stable 1 due 100'],
    ['moves with fewer when the one before has nothing left', { ready: { 1: 0, 2: 1 } }, 'completed step 0 weight 100 stable 1 due 100'],
    ['has nowhere to move when neither has a pod', { ready: {} }, 'waiting step 0 weight 0 stable 1 due 100'],
    ['a first revision goes live with its first pod', { before: undefined, ready: { 2: 1 } }, 'completed step 0 weight 100 stable - due 100'],
    ['a first revision without a pod waits', { before: undefined, ready: {} }, 'waiting step 0 weight 0 stable - due 100'],
    ['a first canary has no steps either', { before: undefined, ready: { 2: 1 }, rollout: CANARY }, 'completed step 5 weight 100 stable - due 100'],
    ['nobody holds or ends a first revision', { before: undefined, ready: { 2: 1 }, rollout: { paused: true, aborted: true } }, 'completed step 0 weight 100 stable - due 100'],
    ['a revision before that cannot have pods any more is none', { listed: [2], ready: { 2: 1 } }, 'completed step 0 weight 100 stable - due 100'],
    ['back to the one that serves is done at once', { target: 1, ready: { 1: 0 } }, 'completed step 0 weight 100 stable - due 100'],
    ['held by its owner it wants no more', { rollout: { paused: true } }, 'paused step 0 weight 0 stable 1 due 0'],
    ['idle it waits', { active: false, ready: {} }, 'waiting step 0 weight 0 stable 1 due 100'],
    ['suspended nothing moves', { suspended: true }, 'waiting step 0 weight 0 stable 1 due 0'],
  ])('%s', (_what, world, expected) => {
    expect(short(move(world))).toBe(expected);
  });
});

describe('a canary', () => {
  test.each<[string, World, string]>([
    ['asks for the capacity of its first step alone', { ready: { 1: 10 } }, 'waiting step 0 weight 0 stable 1 due 20'],
    ['takes no weight with one pod too few', { ready: { 1: 10, 2: 1 } }, 'waiting step 0 weight 0 stable 1 due 20'],
    ['takes it with all of them, and pauses', { ready: { 1: 10, 2: 2 } }, 'paused step 1 weight 20 stable 1 due 20'],
    ['stays in its pause', { status: { phase: 'paused', step: 1, weight: 20, stepStartedAt: iso(NOW - 59_000) } }, 'paused step 1 weight 20 stable 1 due 20'],
    ['after its pause asks for the next weight', { status: { phase: 'paused', step: 1, weight: 20, stepStartedAt: iso(NOW - 60_000) }, ready: { 1: 10, 2: 4 } }, 'waiting step 2 weight 20 stable 1 due 50'],
    ['after its pause takes the next weight, and pauses without an end', { status: { phase: 'paused', step: 1, weight: 20, stepStartedAt: iso(NOW - 60_000) }, ready: { 1: 10, 2: 5 } }, 'paused step 3 weight 50 stable 1 due 50'],
    ['stays in a pause without an end', { status: { phase: 'paused', step: 3, weight: 50, stepStartedAt: iso(0) } }, 'paused step 3 weight 50 stable 1 due 50'],
    ['goes on when its owner resumes it', { status: { phase: 'paused', step: 3, weight: 50 }, rollout: { resumedStep: 4 }, ready: { 1: 10, 2: 8 } }, 'waiting step 5 weight 80 stable 1 due 100'],
    ['an earlier resume ends no later pause', { status: { phase: 'paused', step: 3, weight: 50 }, rollout: { resumedStep: 3 } }, 'paused step 3 weight 50 stable 1 due 50'],
    ['a pause of a length ends early when resumed', { status: { phase: 'paused', step: 1, weight: 20, stepStartedAt: iso(NOW) }, rollout: { resumedStep: 2 }, ready: { 1: 10, 2: 2 } }, 'waiting step 2 weight 20 stable 1 due 50'],
    ['after its last step takes all', { status: { step: 5, weight: 80 } }, 'completed step 5 weight 100 stable 1 due 100'],
    ['not before it has the pods for all', { status: { step: 5, weight: 80 }, ready: { 1: 10, 2: 9 } }, 'waiting step 5 weight 80 stable 1 due 100'],
    ['promoted it skips what is left', { status: { phase: 'paused', step: 1, weight: 20 }, rollout: { promoted: true } }, 'completed step 5 weight 100 stable 1 due 100'],
    ['promoted it still waits for its pods', { status: { phase: 'paused', step: 1, weight: 20 }, rollout: { promoted: true }, ready: { 1: 10, 2: 9 } }, 'waiting step 1 weight 20 stable 1 due 100'],
    ['promoted it is held no more', { status: { step: 1, weight: 20 }, rollout: { promoted: true, paused: true } }, 'completed step 5 weight 100 stable 1 due 100'],
    ['held by its owner it takes no step that is due', { status: { step: 2, weight: 20 }, rollout: { paused: true } }, 'paused step 2 weight 20 stable 1 due 20'],
    ['steps that went away are done', { status: { step: 5, weight: 20 }, rollout: { steps: [{ setWeight: 20 }] } }, 'completed step 1 weight 100 stable 1 due 100'],
    ['without steps it is one step', { rollout: { steps: [] } }, 'completed step 0 weight 100 stable 1 due 100'],
    ['a smaller weight needs no pods', { status: { step: 0, weight: 50 }, ready: { 1: 10 } }, 'paused step 1 weight 20 stable 1 due 20'],
    ['a crash of the stable one promotes nothing', { status: { phase: 'paused', step: 3, weight: 50 }, ready: { 1: 0, 2: 5 } }, 'paused step 3 weight 50 stable 1 due 50'],
    ['of a part of the requests it needs the pods of that part', { share: 50, ready: { 1: 10, 2: 1 } }, 'paused step 1 weight 20 stable 1 due 20'],
    ['idle it can neither be started nor measured: it waits where it is', { status: { phase: 'paused', step: 1, weight: 20, stepStartedAt: iso(0) }, active: false, ready: {} }, 'waiting step 1 weight 20 stable 1 due 20'],
    ['woken it begins its pause anew', { status: { step: 1, weight: 20, stepStartedAt: iso(0) }, activeSince: NOW - 59_000 }, 'paused step 1 weight 20 stable 1 due 20'],
    ['and ends it when that is over', { status: { step: 1, weight: 20, stepStartedAt: iso(0) }, activeSince: NOW - 60_000, ready: { 1: 10, 2: 2 } }, 'waiting step 2 weight 20 stable 1 due 50'],
  ])('%s', (_what, world, expected) => {
    expect(short(move({ ...world, rollout: { ...CANARY, ...world.rollout } }))).toBe(expected);
  });

  test('20 % for a minute, 50 % for two: from the first pod to the end, by the clock', () => {
    const steps: RolloutSpec['steps'] = [{ setWeight: 20 }, { pause: { seconds: 60 } }, { setWeight: 50 }, { pause: { seconds: 120 } }];
    const seen: string[] = [];
    let status: RolloutStatus | undefined;
    let at = NOW;
    for (let round = 0; round < 10 && status?.phase !== 'completed'; round += 1) {
      const moved = move({ at, rollout: { strategy: 'canary', steps }, ...(status ? { status } : {}) });
      // Another look at the same moment moves nothing.
      expect(move({ at, rollout: { strategy: 'canary', steps }, status: moved.status }).status).toEqual(moved.status);
      status = moved.status;
      seen.push(`${(at - NOW) / 1_000} s: ${status.weight} %`);
      at += moved.againAfterMs ?? 0;
    }
    expect(seen).toEqual(['0 s: 20 %', '60 s: 50 %', '180 s: 100 %']);
  });

  test('says when to look again, and why it waits', () => {
    const paused = move({ rollout: CANARY, status: { step: 1, weight: 20, stepStartedAt: iso(NOW - 20_000) } });
    expect([paused.againAfterMs, paused.status.message]).toEqual([40_000, 'Paused at step 2 of 5 for 60 s.']);
    expect(move({ rollout: CANARY, status: { step: 3, weight: 50 } }).status.message).toBe('Paused at step 4 of 5 until its owner resumes it.');
    expect(move({ rollout: { ...CANARY, paused: true } }).status.message).toBe('Held by its owner.');
    expect(move({ rollout: CANARY, active: false }).status.message).toMatch(/^The function is idle: no pods run/);
    expect(move({ rollout: CANARY, ready: { 1: 10 }, status: { message: 'Held by its owner.' } }).status.message).toBeUndefined();
  });
});

describe('blue-green', () => {
  const GREEN: Partial<RolloutSpec> = { strategy: 'blue-green' };
  test.each<[string, World, string]>([
    ['is brought to full capacity first', { ready: { 1: 10, 2: 9 } }, 'waiting step 0 weight 0 stable 1 due 100'],
    ['then stands beside at no weight', {}, 'paused step 0 weight 0 stable 1 due 100'],
    ['until its owner promotes it', { rollout: { promoted: true } }, 'completed step 0 weight 100 stable 1 due 100'],
    ['or its time has come', { rollout: { autoPromoteSeconds: 30 }, status: { phase: 'paused', stepStartedAt: iso(NOW - 30_000) } }, 'completed step 0 weight 100 stable 1 due 100'],
    ['not sooner', { rollout: { autoPromoteSeconds: 30 }, status: { phase: 'paused', stepStartedAt: iso(NOW - 29_000) } }, 'paused step 0 weight 0 stable 1 due 100'],
    ['at once with a time of 0', { rollout: { autoPromoteSeconds: 0 } }, 'completed step 0 weight 100 stable 1 due 100'],
    ['nor without its pods, although its time has come', { rollout: { autoPromoteSeconds: 30 }, status: { stepStartedAt: iso(0) }, ready: { 1: 10, 2: 9 } }, 'waiting step 0 weight 0 stable 1 due 100'],
    ['nor by a crash of the stable one', { ready: { 2: 5 } }, 'waiting step 0 weight 0 stable 1 due 100'],
    ['ended it goes', { rollout: { aborted: true }, status: { phase: 'paused' } }, 'aborted step 0 weight 0 stable 1 due 0'],
  ])('%s', (_what, world, expected) => {
    expect(short(move({ ...world, rollout: { ...GREEN, ...world.rollout } }))).toBe(expected);
  });

  test('its time counts from when it stood, and anew after it lost all pods', () => {
    expect(move({ rollout: { ...GREEN, autoPromoteSeconds: 30 } })).toMatchObject({ status: { stepStartedAt: iso(NOW) }, againAfterMs: 30_000 });
    expect(move({ rollout: GREEN, status: { stepStartedAt: iso(0) }, ready: { 1: 10 } }).status).not.toHaveProperty('stepStartedAt');
  });
});

describe('an abort', () => {
  test.each<[string, World, string]>([
    ['by its owner gives all back at once', { status: { phase: 'paused', step: 3, weight: 50 }, rollout: { aborted: true } }, 'aborted step 3 weight 0 stable 1 due 0'],
    ['wins over a hold and a promotion', { status: { step: 3, weight: 50 }, rollout: { aborted: true, paused: true, promoted: true } }, 'aborted step 3 weight 0 stable 1 due 0'],
    ['does not wait for a stable one that is short of pods', { status: { step: 3, weight: 50 }, rollout: { aborted: true }, ready: { 1: 3, 2: 5 } }, 'aborted step 3 weight 0 stable 1 due 0'],
    ['by a broken bound', { status: { step: 1, weight: 20 }, verdict: 'Too slow.' }, 'aborted step 1 weight 0 stable 1 due 0'],
    ['stays one, whatever the owner says of the same attempt', { status: { phase: 'aborted', step: 1 }, rollout: { promoted: true } }, 'aborted step 1 weight 0 stable 1 due 0'],
    ['another attempt begins anew', { status: { phase: 'aborted', step: 3 }, rollout: { attempt: 2 }, ready: { 1: 10 } }, 'waiting step 0 weight 0 stable 1 due 20'],
    ['another target begins beside the same stable one', { target: 3, status: { phase: 'aborted', step: 3 }, rollout: { attempt: 2 }, ready: { 1: 10 } }, 'waiting step 0 weight 0 stable 1 due 20'],
    ['a broken bound after the end says nothing', { status: { phase: 'completed', step: 5, weight: 100 }, verdict: 'Too slow.' }, 'completed step 5 weight 100 stable 1 due 100'],
    ['after the end waits for the pods of the one before', { status: { phase: 'completed', step: 5, weight: 100 }, rollout: { aborted: true }, ready: { 1: 9, 2: 10 } }, 'aborted step 5 weight 100 stable 1 due 100'],
    ['and gives back with them', { status: { phase: 'aborted', step: 5, weight: 100 }, rollout: { aborted: true } }, 'aborted step 5 weight 0 stable 1 due 0'],
    ['or when there is nothing to wait with', { status: { phase: 'aborted', step: 5, weight: 100 }, rollout: { aborted: true }, ready: { 1: 1 } }, 'aborted step 5 weight 0 stable 1 due 0'],
    ['or when nothing runs', { status: { phase: 'completed', step: 5, weight: 100 }, rollout: { aborted: true }, active: false, ready: {} }, 'aborted step 5 weight 0 stable 1 due 0'],
    ['after the end of a first revision has nowhere to go', { status: { revision: 2, phase: 'completed', step: 5, weight: 100, stable: undefined as never }, rollout: { aborted: true } }, 'completed step 5 weight 100 stable - due 100'],
  ])('%s', (_what, world, expected) => {
    expect(short(move({ ...world, rollout: { ...CANARY, ...world.rollout } }))).toBe(expected);
  });

  test('says why', () => {
    expect(move({ rollout: { ...CANARY, aborted: true } }).status.message).toBe('Ended by its owner: revision 1 has the requests.');
    expect(move({ rollout: CANARY, status: { weight: 20 }, verdict: 'Too slow.' }).status.message).toBe('Too slow.');
  });
});

describe('what was before', () => {
  test.each<[string, World, string]>([
    ['a target in mid-rollout leaves the stable one stable', { target: 3, status: { phase: 'paused', step: 3, weight: 80 }, before: 2, rollout: { attempt: 2 }, ready: { 1: 10, 2: 8 } }, 'waiting step 0 weight 0 stable 1 due 20'],
    ['back to the stable one in mid-rollout is done at once', { target: 1, status: { phase: 'paused', step: 3, weight: 80 }, before: 2, rollout: { attempt: 2 } }, 'completed step 5 weight 100 stable - due 100'],
    ['after one that won the next begins beside it', { target: 3, status: { phase: 'completed', step: 5, weight: 100 }, before: 2, rollout: { attempt: 2 }, ready: { 2: 10 } }, 'waiting step 0 weight 0 stable 2 due 20'],
    ['after one that was taken back but still serves, too', { target: 3, status: { phase: 'aborted', step: 5, weight: 100 }, before: 2, rollout: { attempt: 2 }, ready: { 2: 10 } }, 'waiting step 0 weight 0 stable 2 due 20'],
    ['a target that replaces a first one that never got ready is a first one', { target: 3, status: { stable: undefined as never }, before: undefined, rollout: { attempt: 2 }, ready: { 3: 1 } }, 'completed step 5 weight 100 stable - due 100'],
    ['a lost status begins anew beside the one that serves', { ready: { 1: 10 } }, 'waiting step 0 weight 0 stable 1 due 20'],
    ['a lost status of a target that serves already is its end', { before: 2, ready: { 2: 10 } }, 'completed step 5 weight 100 stable - due 100'],
    ['a status of an older operator without rollouts: the serving one is stable', { before: 1, ready: { 1: 10 } }, 'waiting step 0 weight 0 stable 1 due 20'],
    ['a status newer than the spec stands', { status: { attempt: 7, step: 3, weight: 50, phase: 'paused' } }, 'paused step 3 weight 50 stable 1 due 50'],
    ['a status whose stable one is gone goes live without steps', { listed: [2], status: { step: 1, weight: 20 }, ready: { 2: 1 } }, 'completed step 5 weight 100 stable - due 100'],
    ['the same attempt goes on where another operator stopped', { status: { phase: 'paused', step: 1, weight: 20, stepStartedAt: iso(NOW - 61_000) } }, 'paused step 3 weight 50 stable 1 due 50'],
  ])('%s', (_what, world, expected) => {
    expect(short(move({ ...world, rollout: { ...CANARY, ...world.rollout } }))).toBe(expected);
  });
});
