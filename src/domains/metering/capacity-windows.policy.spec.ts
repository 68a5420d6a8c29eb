import { describe, expect, it } from 'vitest';
import type { CapacitySpan } from './capacity.js';
import { dueParts, isComplete, SETTLE_MS, WINDOW_MS } from './capacity-windows.policy.js';
import { monthPeriod } from './usage-period.policy.js';

const NOON = Date.parse('2026-11-26T12:00:00Z');
const at = (minutes: number): number => NOON + minutes * 60_000;

function span(from: number, to: number | undefined, seenUntil = to ?? from): CapacitySpan {
  return { podUid: 'pod', use: 'pool', tenantId: 't', function: null, runtime: 'node', cluster: 'c', memoryMb: 128, cpuMillis: 250, from, to, seenUntil };
}

const short = (parts: { windowAt: number; ms: number }[]): string => parts.map(({ windowAt, ms }) => `${(windowAt - NOON) / 60_000}:${ms / 1_000}`).join(' ');

describe('what can be booked of a pod', () => {
  it.each([
    ['nothing of a window that goes on', span(at(1), undefined, at(4)), undefined, ''],
    ['nothing of one that ended so lately that news of the pod may be on their way', span(at(1), undefined, at(5) + SETTLE_MS - 1), undefined, ''],
    ['a window once it is settled, from the pod\'s start', span(at(1), undefined, at(5) + SETTLE_MS), undefined, '0:240'],
    ['what is not booked yet', span(at(1), undefined, at(16)), at(0), '5:300 10:300'],
    ['all of a life that ended', span(at(1), at(12)), undefined, '0:240 5:300 10:120'],
    ['the rest of a life that ended', span(at(1), at(12)), at(5), '10:120'],
    ['nothing twice', span(at(1), at(12)), at(10), ''],
    ['nothing of a life of no length', span(at(1), at(1)), undefined, ''],
    ['nothing of one that ends before it begins', span(at(2), at(1)), undefined, ''],
    ['no empty part at a window\'s edge', span(at(5), at(10)), undefined, '5:300'],
  ])('%s', (_, life, after, expected) => {
    expect(short(dueParts(life, after))).toBe(expected);
  });

  it('is the same in however many readings it is booked', () => {
    const from = at(1) + 123;
    const whole = dueParts(span(from, at(31) + 77), undefined);
    for (let last: number | undefined, minutes = 0, parts: object[] = []; ; minutes += 1) {
      const ended = minutes > 31;
      const due = dueParts(span(from, ended ? at(31) + 77 : undefined, at(minutes)), last);
      parts = [...parts, ...due];
      last = due.at(-1)?.windowAt ?? last;
      if (!ended) continue;
      expect(parts).toEqual(whole);
      break;
    }
  });

  it('never lies in two months, whatever the time zone', () => {
    for (const zone of ['UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'America/St_Johns', 'Pacific/Chatham', 'Australia/Lord_Howe']) {
      expect(monthPeriod('2026-12', zone).from.getTime() % WINDOW_MS).toBe(0);
    }
  });

  it('is bounded, and the rest follows', () => {
    const life = span(at(0), at(60 * 24 * 30));
    const first = dueParts(life, undefined);
    expect(first).toHaveLength(2_016);
    expect(isComplete(life, first.at(-1)!.windowAt)).toBe(false);
    expect(dueParts(life, first.at(-1)!.windowAt)[0]!.windowAt).toBe(first.at(-1)!.windowAt + WINDOW_MS);
  });
});
