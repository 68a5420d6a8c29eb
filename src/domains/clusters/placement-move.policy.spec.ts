import { describe, expect, it } from 'vitest';
import { isSettled, planMove, planTenantMove, type MovingPlacement, type TenantPlacement } from './placement-move.policy.js';
import type { PlacementState } from './placement-states.js';

const on = (clusterId: string, state: PlacementState, more: Partial<MovingPlacement> = {}): MovingPlacement => ({ clusterId, state, reachable: true, ready: false, ...more });
const AWAY = { reachable: false };
const own = (clusterId: string, state: PlacementState, more: Partial<MovingPlacement> = {}): TenantPlacement => ({ ...on(clusterId, state, more), wantedBy: 'tenant' });
const others = (clusterId: string, state: PlacementState, more: Partial<MovingPlacement> = {}): TenantPlacement => ({ ...own(clusterId, state, more), wantedBy: 'functions' });

describe('the steps of a move', () => {
  it.each<[string, MovingPlacement[], string[], number, string[]]>([
    ['nothing when all is well', [on('a', 'active')], ['a'], 1, []],
    ['a first place serves at once: there is nothing to wait for', [], ['a'], 1, ['+a active']],
    ['what takes over is made first, and what it replaces stays', [on('a', 'active')], ['b'], 1, ['+b pending', 'a active>leaving']],
    ['nothing goes while it is not ready', [on('a', 'leaving'), on('b', 'pending')], ['b'], 1, []],
    ['once it is ready it serves', [on('a', 'leaving'), on('b', 'pending', { ready: true })], ['b'], 1, ['b pending>active']],
    ['only then the old one is taken away', [on('a', 'leaving'), on('b', 'active')], ['b'], 1, ['a leaving>deleting']],
    ['not while what took over does not answer', [on('a', 'leaving'), on('b', 'active', AWAY)], ['b'], 1, []],
    ['one that does not answer is taken away later', [on('a', 'leaving', AWAY), on('b', 'active')], ['b'], 1, ['a leaving>orphaned']],
    ['also one that stops answering meanwhile', [on('a', 'deleting', AWAY), on('b', 'active')], ['b'], 1, ['a deleting>orphaned']],
    ['when it comes back it is taken away', [on('a', 'orphaned'), on('b', 'active')], ['b'], 1, ['a orphaned>deleting']],
    ['and not before', [on('a', 'orphaned', AWAY), on('b', 'active')], ['b'], 1, []],
    ['with nothing to go to, nothing goes', [on('a', 'active'), on('b', 'leaving')], [], 1, []],
    ['but what was to be taken away is', [on('a', 'active', AWAY), on('b', 'orphaned')], [], 1, ['b orphaned>deleting']],
    ['a change of mind takes back a leave', [on('a', 'leaving'), on('b', 'pending')], ['a'], 1, ['a leaving>active', 'b pending>deleting']],
    ['what was being prepared on a cluster that does not answer waits for it', [on('a', 'active'), on('b', 'pending', AWAY)], ['a'], 1, ['b pending>orphaned']],
    ['one more is added to those there are', [on('a', 'active')], ['a', 'b'], 2, ['+b pending']],
    ['one too many leaves', [on('a', 'active'), on('b', 'active')], ['a'], 1, ['b active>leaving']],
    ['while fewer can be had than are asked for, those that leave stay', [on('a', 'active'), on('b', 'leaving')], ['a'], 2, []],
    ['what was prepared serves when all that served is gone', [on('a', 'pending')], ['a'], 1, ['a pending>active']],
  ])('%s', (_, present, chosen, wanted, expected) => {
    expect(planMove(present, chosen, wanted).map((step) => (step.kind === 'add' ? `+${step.clusterId} ${step.state}` : `${step.clusterId} ${step.from}>${step.to}`))).toEqual(expected);
  });

  it('end, whatever happens on the way, with the tenant where it is to be and nowhere else', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const chance = chanceOf(seed);
      const names = ['a', 'b', 'c', 'd'];
      let rows: MovingPlacement[] = [on('a', 'active')];
      let [chosen, wanted]: [string[], number] = [['b'], 1];
      for (let round = 0; round < 60; round += 1) {
        const stormy = round < 40;
        if (stormy && chance() < 0.2) {
          chosen = names.filter(() => chance() < 0.4);
          wanted = Math.max(1, chosen.length);
        }
        rows = rows.map((row) => ({ ...row, reachable: !stormy || chance() < 0.8, ready: row.state === 'pending' && (!stormy || chance() < 0.5) }));
        const busy = rows.some(({ clusterId, state }) => (state === 'deleting' || state === 'orphaned') && chosen.includes(clusterId));
        if (busy) chosen = chosen.filter((id) => !rows.some(({ clusterId, state }) => clusterId === id && (state === 'deleting' || state === 'orphaned')));
        const served = rows.some(({ state }) => state === 'active' || state === 'leaving');
        for (const step of planMove(rows, chosen, Math.max(1, Math.min(wanted, chosen.length || wanted)))) {
          if (step.kind === 'add') rows.push(on(step.clusterId, step.state));
          else rows = rows.map((row) => (row.clusterId === step.clusterId ? { ...row, state: step.to } : row));
        }
        // Whoever was served is served.
        expect([seed, round, rows.some(({ state }) => state === 'active' || state === 'leaving')]).toEqual([seed, round, served || chosen.length > 0]);
        rows = rows.filter(({ state, reachable }) => state !== 'deleting' || !reachable);
      }
      if (chosen.length > 0) expect([seed, rows.map(({ clusterId, state }) => `${clusterId} ${state}`).sort()]).toEqual([seed, chosen.map((id) => `${id} active`).sort()]);
    }
  });

  it.each<[string, TenantPlacement[], string[], string[], string[]]>([
    ['a place for a function is there at once', [own('a', 'active')], ['a'], ['b'], ['+b active functions']],
    ['and stays while the function is there', [own('a', 'active'), others('b', 'active')], ['a'], ['b'], []],
    ['and goes with the last of them', [own('a', 'active'), others('b', 'active')], ['a'], [], ['b active>deleting']],
    ['later, where its cluster does not answer', [own('a', 'active'), others('b', 'active', AWAY)], ['a'], [], ['b active>orphaned']],
    ['one that does not answer any more is left to wait', [own('a', 'active'), others('b', 'deleting', AWAY)], ['a'], [], ['b deleting>orphaned']],
    ['what the tenant leaves stays for its functions', [own('a', 'leaving'), own('b', 'active')], ['b'], ['a'], ['a leaving>active functions']],
    ['also what it was being prepared on', [own('a', 'active'), own('b', 'pending')], ['a'], ['b'], ['b pending>active functions']],
    ['where functions are the tenant takes over as soon as all is ready there', [own('a', 'active'), others('b', 'active')], ['b'], ['b'], ['b active>pending tenant']],
    ['at once where it is nowhere else', [others('b', 'active')], ['b'], [], ['b active>active tenant']],
    ['with nowhere to go the tenant stays, whatever functions need', [own('a', 'active')], [], ['b'], ['+b active functions']],
  ])('of a tenant: %s', (_, present, chosen, held, expected) => {
    const words = (by: string | undefined) => (by === undefined ? '' : ` ${by}`);
    const steps = planTenantMove(present, chosen, 1, held);
    expect(steps.map((step) => (step.kind === 'add' ? `+${step.clusterId} ${step.state}` : `${step.clusterId} ${step.from}>${step.to}`) + words(step.wantedBy))).toEqual(expected);
  });

  it.each<[string, PlacementState[], number, boolean]>([
    ['where all are active', ['active', 'active'], 0, true], ['but not while one is missing', ['active'], 1, false], ['nor while one is on its way', ['active', 'pending'], 0, false], ['nor while something is left', ['active', 'orphaned'], 0, false],
  ])('have come to an end %s', (_, states, missing, expected) => {
    expect(isSettled(states.map((state) => ({ state })), missing)).toBe(expected);
  });
});

/** Numbers from 0 to 1, the same for the same seed. */
function chanceOf(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_507) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}
