import { describe, expect, it } from 'vitest';
import { Metrics } from '../../../deploy/runtimes/node/metrics.js';
import { noRequests } from '../../contract/request-totals.js';
import { parseRequests } from './request-metrics.policy.js';

const empty = { totals: noRequests(), inFlight: 0 };
const durationsOf = (lines: string[]): number[] => parseRequests(lines.map((line) => `function_duration_seconds_bucket${line}`).join('\n')).totals.durations;

describe('what a pod\'s page tells of requests', () => {
  it('is read as a runtime writes it', () => {
    const metrics = new Metrics();
    for (const status of [200, 200, 201, 302, 404, 500, 504]) metrics.countRequest(status);
    metrics.countInvocation(3_000_000n, 1, 1);
    metrics.countInvocation(80_000_000n, 1, 1);
    metrics.countInvocation(40_000_000_000n, 1, 1);
    expect(parseRequests(metrics.text(2))).toEqual({
      inFlight: 2, totals: { succeeded: 4, clientErrors: 1, serverErrors: 2, coldStarts: 0, durationMs: 40_083, durations: [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1] },
    });
  });

  it.each<[string, string[], number[]]>([
    ['bounds of its own count under the next higher of ours', ['{le="0.002"} 3', '{le="0.3"} 5', '{le="+Inf"} 6'], [0, 3, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1]],
    ['a series that falls counts as it was', ['{le="0.001"} 5', '{le="0.01"} 2', '{le="+Inf"} 7'], [5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]],
    ['further labels do no harm', ['{function="f",le="0.001"} 1', '{le="+Inf",function="f"} 1.0'], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ])('histograms: %s', (_, lines, expected) => {
    expect(durationsOf(lines)).toEqual(expected);
  });

  it.each([
    ['', 'http_requests_total 5', 'http_requests_total{status="200"} -1', 'http_requests_total{status="200"} 1e9', 'http_requests_total{status="200"} 9999999999999', 'http_requests_total{status="999"} 1', 'http_requests_total{status="200"} NaN'],
    ['function_in_flight 99999999999', 'function_duration_seconds_sum Infinity', 'function_duration_seconds_bucket{le="+Inf"} 1.5', 'hattp_requests_total{status="200"} 1'],
  ])('what is not of the contract\'s form, or larger than can be, is left out', (...lines) => {
    expect(parseRequests(lines.join('\n'))).toEqual(empty);
  });
});
