import { describe, expect, it } from 'vitest';
import { parseTermination } from './cluster/pod-readings.policy.js';
import { parseTotals } from './metrics-text.policy.js';
import { monthOf, monthPeriod } from './usage-period.policy.js';

const PAGE = `# HELP function_invocations_total Invocations.
# TYPE function_invocations_total counter
function_instance_info{instance="5b0a4c1e-1111-4111-8111-111111111111"} 1
function_invocations_total 12
function_billed_ms_total 340
function_request_bytes_total 100
function_response_bytes_total{kind="json"} 200
function_response_bytes_total{kind="raw"} 50
http_requests_total{status="200"} 12
function_duration_seconds_bucket{le="0.005"} 3
`;

describe('parseTotals', () => {
  it('reads what is billed and adds up series of one name', () => {
    expect(parseTotals(PAGE)).toEqual({ instance: '5b0a4c1e-1111-4111-8111-111111111111', totals: { invocations: 12, billedMs: 340, requestBytes: 100, responseBytes: 250 } });
  });

  it.each([
    ['no instance', PAGE.replace(/^function_instance_info.*$/m, '')],
    ['a fraction', PAGE.replace('function_billed_ms_total 340', 'function_billed_ms_total 340.5')],
    ['a negative number', PAGE.replace('function_invocations_total 12', 'function_invocations_total -12')],
    ['not a number', PAGE.replace('function_invocations_total 12', 'function_invocations_total NaN')],
    ['more than can be counted exactly', PAGE.replace('function_invocations_total 12', 'function_invocations_total 1e300')],
    ['another page', '<html></html>'],
  ])('bills nothing for a page with %s', (_, text) => expect(parseTotals(text)).toBeNull());
});

describe('parseTermination', () => {
  const good = { fnplane: 1, instance: '5b0a4c1e-1111', totals: { invocations: 1, billedMs: 2, requestBytes: 3, responseBytes: 4 } };

  it('reads last totals', () => expect(parseTermination(JSON.stringify(good))).toEqual(good));

  it.each([
    ['a log line', 'Traceback (most recent call last):'], ['half of it', JSON.stringify(good).slice(0, 60)], ['null', 'null'],
    ['a negative total', JSON.stringify({ ...good, totals: { ...good.totals, billedMs: -1 } })], ['a missing total', JSON.stringify({ ...good, totals: { invocations: 1 } })],
  ])('takes %s for nothing', (_, text) => expect(parseTermination(text)).toBeNull());
});

describe('monthPeriod', () => {
  it.each([
    ['2026-11', 'UTC', '2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
    ['2026-12', 'Asia/Kolkata', '2026-11-30T18:30:00.000Z', '2026-12-31T18:30:00.000Z'],
    ['2026-03', 'Europe/Vienna', '2026-02-28T23:00:00.000Z', '2026-03-31T22:00:00.000Z'],
    ['2026-10', 'Europe/Vienna', '2026-09-30T22:00:00.000Z', '2026-10-31T23:00:00.000Z'],
    ['2026-11', 'America/New_York', '2026-11-01T04:00:00.000Z', '2026-12-01T05:00:00.000Z'],
  ])('%s in %s', (month, zone, from, to) => {
    const period = monthPeriod(month, zone);
    expect([period.from.toISOString(), period.to.toISOString()]).toEqual([from, to]);
  });

  it('refuses what is no month', () => {
    for (const text of ['2026-13', '2026-1', 'now', '2026-11-01']) expect(() => monthPeriod(text, 'UTC')).toThrow(/month/);
  });

  it('finds the month of an instant where the tenant lives', () => {
    expect(monthOf(new Date('2026-10-31T23:30:00Z'), 'Europe/Vienna')).toBe('2026-11');
    expect(monthOf(new Date('2026-11-01T03:59:59Z'), 'America/New_York')).toBe('2026-10');
  });
});
