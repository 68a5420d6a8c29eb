import { describe, expect, it } from 'vitest';
import type { CronTriggerSettings } from './cron-trigger-body.js';
import { jitterMs, MOST_CAUGHT_UP, ON_TIME_MS, planDue, type DueTrigger } from './due-runs.policy.js';

const at = (text: string): number => Date.parse(`2026-11-26T${text}Z`);
const clock = (time: number): string => new Date(time).toISOString().slice(11, 19);

function plan(settings: Partial<CronTriggerSettings>, due: string, now: string, more: Partial<DueTrigger> = {}) {
  const { runs, skipped, lastSkip, next } = planDue({ settings: { schedule: '0 * * * *', ...settings }, dueAt: at(due), now: at(now), blocked: undefined, isOpen: false, ...more });
  return { runs: runs.map(clock), skipped, lastSkip: lastSkip && [clock(lastSkip.at), lastSkip.reason], next: next && clock(next) };
}

const SECONDS = { schedule: '*/5 * * * * *' };

describe('a due time', () => {
  it('is run', () => {
    expect(plan({}, '10:00:00', '10:00:00')).toEqual({ runs: ['10:00:00'], skipped: 0, lastSkip: undefined, next: '11:00:00' });
  });

  it.each(['skip', 'last', 'all'] as const)('that is late is run whatever is done about missed ones (%s), and so are those beside it', (missedRuns) => {
    expect(plan({ ...SECONDS, missedRuns }, '10:00:00', '10:00:12')).toEqual({ runs: ['10:00:00', '10:00:05', '10:00:10'], skipped: 0, lastSkip: undefined, next: '10:00:15' });
    expect(plan({ missedRuns }, '10:00:00', '10:00:15')).toMatchObject({ runs: ['10:00:00'], skipped: 0 });
  });

  it('that never comes again has no next', () => {
    expect(planDue({ settings: { schedule: '0 0 1 1 *' }, dueAt: Date.UTC(9999, 0, 1), now: Date.UTC(9999, 0, 1), blocked: undefined, isOpen: false }).next).toBeUndefined();
  });
});

describe('missed ones', () => {
  it.each<[Partial<CronTriggerSettings>, string, string, string[], number, string | undefined]>([
    [{ missedRuns: 'skip' }, '06:00:00', '10:30:00', [], 5, '10:00:00'],
    [{ missedRuns: 'last' }, '06:00:00', '10:30:00', ['10:00:00'], 4, '09:00:00'],
    [{}, '06:00:00', '10:30:00', ['10:00:00'], 4, '09:00:00'],
    [{ missedRuns: 'all' }, '06:00:00', '10:30:00', ['06:00:00', '07:00:00', '08:00:00', '09:00:00', '10:00:00'], 0, undefined],
    [{ missedRuns: 'all', maxAgeSeconds: 7_200 }, '06:00:00', '10:30:00', ['09:00:00', '10:00:00'], 3, '08:00:00'],
    // One is on time.
    [{ missedRuns: 'skip' }, '06:00:00', '10:00:01', ['10:00:00'], 4, '09:00:00'],
    [{ missedRuns: 'last' }, '06:00:00', '10:00:01', ['10:00:00'], 4, '09:00:00'],
    [{ missedRuns: 'all' }, '09:00:00', '10:00:01', ['09:00:00', '10:00:00'], 0, undefined],
    // Older than its age, but the last.
    [{ missedRuns: 'last', maxAgeSeconds: 60 }, '06:00:00', '06:30:00', ['06:00:00'], 0, undefined],
    [{ missedRuns: 'all', maxAgeSeconds: 60 }, '06:00:00', '06:30:00', [], 1, '06:00:00'],
  ])('%j from %s until %s', (settings, due, now, runs, skipped, last) => {
    expect(plan(settings, due, now)).toMatchObject({ runs, skipped, lastSkip: last && [last, 'missed'] });
  });

  it('are caught up a hundred at most, the last ones', () => {
    const found = plan({ ...SECONDS, missedRuns: 'all' }, '06:00:00', '06:30:00');
    expect([found.runs.length, found.runs.at(-1)]).toEqual([MOST_CAUGHT_UP + ON_TIME_MS / 5_000 + 1, '06:30:00']);
    expect(found.skipped + found.runs.length).toBe(361);
    expect(found.next).toBe('06:30:05');
  });

  it('of very long are counted in part, and cost little', () => {
    const begun = performance.now();
    const found = plan({ schedule: '* * * * * *', missedRuns: 'all' }, '00:00:00', '20:00:00');
    expect([found.runs.length, found.runs.at(-1), found.next]).toEqual([MOST_CAUGHT_UP, '20:00:00', '20:00:01']);
    expect(found.skipped).toBeGreaterThanOrEqual(500);
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(plan({ schedule: '* * * * * *', missedRuns: 'skip' }, '00:00:00', '20:00:00').runs).toHaveLength(ON_TIME_MS / 1_000 + 1);
  });
});

describe('concurrency', () => {
  it.each<[Partial<CronTriggerSettings>, boolean, string[], [string, string] | undefined]>([
    [{}, true, ['10:00:00', '10:00:05'], undefined],
    [{ concurrencyPolicy: 'forbid' }, false, ['10:00:00'], ['10:00:05', 'running']],
    [{ concurrencyPolicy: 'forbid' }, true, [], ['10:00:05', 'running']],
    [{ concurrencyPolicy: 'replace' }, true, ['10:00:05'], ['10:00:00', 'replaced']],
    [{ concurrencyPolicy: 'replace' }, false, ['10:00:05'], ['10:00:00', 'replaced']],
  ])('%j, another one open: %s', (settings, isOpen, runs, lastSkip) => {
    expect(plan({ ...SECONDS, ...settings }, '10:00:00', '10:00:06', { isOpen })).toMatchObject({ runs, lastSkip });
  });

  it.each(['function-deleting', 'tenant-suspended'] as const)('is nothing where all is blocked: %s', (blocked) => {
    expect(plan({ ...SECONDS, missedRuns: 'all' }, '10:00:00', '10:00:06', { blocked })).toEqual({ runs: [], skipped: 2, lastSkip: ['10:00:05', blocked], next: '10:00:10' });
  });
});

it('jitter is the same whoever asks, and spread over its range', () => {
  const times = Array.from({ length: 500 }, (_, index) => jitterMs('trigger', index * 1_000, 60));
  expect(times).toEqual(Array.from({ length: 500 }, (_, index) => jitterMs('trigger', index * 1_000, 60)));
  expect([Math.min(...times) < 2_000, Math.max(...times) > 58_000, Math.max(...times) <= 60_000, new Set(times).size > 450]).toEqual([true, true, true, true]);
  expect(jitterMs('other', 0, 60)).not.toBe(jitterMs('trigger', 0, 60));
  expect(jitterMs('trigger', 0, 0)).toBe(0);
});
