import { describe, expect, it } from 'vitest';
import { metricRange, type MetricRangeRequest } from './metric-range.policy.js';

const NOW = new Date('2026-11-26T12:34:56Z');
const DAY_MS = 86_400_000;
const ago = (days: number, ms = 0): Date => new Date(NOW.getTime() - days * DAY_MS + ms);
const short = (asked: MetricRangeRequest): string => {
  const { from, to, stepSeconds, resolution } = metricRange(asked, NOW);
  return `${from.toISOString()} ${to.toISOString()} ${stepSeconds} ${resolution}`;
};

describe('the range of a time series', () => {
  it.each<[string, MetricRangeRequest, string]>([
    ['is the last hour in minutes', {}, '2026-11-26T11:34:00.000Z 2026-11-26T12:35:00.000Z 60 60'],
    ['is at least one step', { step: 86_400 }, '2026-11-25T00:00:00.000Z 2026-11-27T00:00:00.000Z 86400 3600'],
    ['holds whole steps around what was asked for', { from: new Date('2026-11-26T10:01:00Z'), to: new Date('2026-11-26T10:06:00Z'), step: 300 }, '2026-11-26T10:00:00.000Z 2026-11-26T10:10:00.000Z 300 60'],
    ['is made of hours from steps of an hour on', { from: new Date('2026-11-01T00:00:00Z'), to: new Date('2026-11-02T00:00:00Z'), step: 7200 }, '2026-11-01T00:00:00.000Z 2026-11-02T00:00:00.000Z 7200 3600'],
    ['reaches back two days in minutes', { from: ago(2), to: ago(1.9), step: 60 }, '2026-11-24T12:34:00.000Z 2026-11-24T14:59:00.000Z 60 60'],
    ['reaches back sixty days in hours', { from: ago(60), to: ago(59), step: 3600 }, '2026-09-27T12:00:00.000Z 2026-09-28T13:00:00.000Z 3600 3600'],
    ['has a thousand steps at most', { from: ago(0, -1000 * 60_000), to: new Date('2026-11-26T12:34:00Z'), step: 60 }, '2026-11-25T19:54:00.000Z 2026-11-26T12:34:00.000Z 60 60'],
  ])('%s', (_, asked, expected) => {
    expect(short(asked)).toBe(expected);
  });

  it.each<[string, MetricRangeRequest, string]>([
    ['steps that are no whole minutes', { step: 90 }, '?step'],
    ['steps that are no whole hours', { step: 5400 }, '?step'],
    ['steps below a minute', { step: 0 }, '?step'],
    ['steps above a day', { step: 90_000 }, '?step'],
    ['an end before the begin', { from: NOW, to: ago(1) }, '?from'],
    ['an empty range', { from: NOW, to: NOW }, '?from'],
    ['more than a thousand steps', { from: ago(1), to: NOW, step: 60 }, '?step'],
    ['minutes of more than two days ago', { from: ago(2, -120_000), to: ago(1.9), step: 60 }, '?from'],
    ['hours of more than sixty days ago', { from: ago(61), to: ago(59), step: 3600 }, '?from'],
  ])('refuses %s', (_, asked, pointer) => {
    expect(() => metricRange(asked, NOW)).toThrow(expect.objectContaining({ code: 'METRIC_RANGE_INVALID', fields: [expect.objectContaining({ pointer })] }));
  });
});
