import { describe, expect, test } from 'vitest';
import { brokenBound, type AnalysisInput } from './analysis.policy.js';
import { between, figuresOf, parsePodFigures, quantileMs, sumOf, type PodReading } from './pod-figures.policy.js';
import type { ReleaseFigures } from './release-metrics.js';
import { SlidingWindow } from './sliding-window.js';

const PAGE = (requests: Record<string, number>, buckets: [string, number][], instance = 'aaaaaaaa-1'): string => [
  '# HELP http_requests_total Answers.', '# TYPE http_requests_total counter',
  `function_instance_info{instance="${instance}"} 1`,
  ...Object.entries(requests).map(([status, count]) => `http_requests_total{status="${status}"} ${count}`),
  ...buckets.map(([bound, count]) => `function_duration_seconds_bucket{le="${bound}"} ${count}`),
  'function_duration_seconds_sum 1.5', 'function_in_flight 0', '',
].join('\n');

describe('bounds', () => {
  const analysis = { maxErrorPercent: 5, maxLatencyMs: 200, windowSeconds: 60, minRequests: 100 };
  const input = (figures: ReleaseFigures | undefined, more: Partial<AnalysisInput['analysis']> = {}, stable?: ReleaseFigures): AnalysisInput => ({
    analysis: { ...analysis, ...more }, target: { revision: 2, figures }, stable: { revision: 1, figures: stable },
  });

  test.each<[string, AnalysisInput, string | undefined]>([
    ['nothing is known', input(undefined), undefined],
    ['too few requests say nothing', input({ requests: 99, errors: 99, p95Ms: 9_000 }), undefined],
    ['all is well', input({ requests: 100, errors: 0, p95Ms: 20 }), undefined],
    ['a bound that is just kept', input({ requests: 100, errors: 5, p95Ms: 200 }), undefined],
    ['no request at all breaks nothing', input({ requests: 0, errors: 0, p95Ms: undefined }, { minRequests: 0 }), undefined],
    ['too many errors', input({ requests: 120, errors: 15, p95Ms: 20 }), 'In the last 60 s (120 requests), 12.5 % of the answers of revision 2 were 5xx; at most 5 % are allowed. Revision 1 has all requests again.'],
    ['beside what the stable one did', input({ requests: 120, errors: 15, p95Ms: 20 }, {}, { requests: 1_000, errors: 2, p95Ms: 10 }), 'In the last 60 s (120 requests), 12.5 % of the answers of revision 2 were 5xx; at most 5 % are allowed; revision 1 had 0.2 %. Revision 1 has all requests again.'],
    ['too slow', input({ requests: 120, errors: 0, p95Ms: 412.4 }), 'In the last 60 s (120 requests), the 95th percentile of revision 2 took 412 ms; at most 200 ms are allowed. Revision 1 has all requests again.'],
    ['slower than is measured', input({ requests: 120, errors: 0, p95Ms: Number.POSITIVE_INFINITY }), 'In the last 60 s (120 requests), the 95th percentile of revision 2 took longer than is measured; at most 200 ms are allowed. Revision 1 has all requests again.'],
    ['a function that does not measure its time is not too slow', input({ requests: 120, errors: 0, p95Ms: undefined }), undefined],
    ['what has no bound breaks none', input({ requests: 120, errors: 120, p95Ms: 9_000 }, { maxErrorPercent: undefined, maxLatencyMs: undefined } as never), undefined],
    ['no error is allowed', input({ requests: 1_000, errors: 1, p95Ms: 1 }, { maxErrorPercent: 0 }), 'In the last 60 s (1000 requests), 0.1 % of the answers of revision 2 were 5xx; at most 0 % are allowed. Revision 1 has all requests again.'],
  ])('%s', (_what, given, expected) => {
    expect(brokenBound(given)).toBe(expected);
  });
});

describe('a pod\'s page', () => {
  test('answers by status, times by bucket, and whose they are', () => {
    expect(parsePodFigures(PAGE({ 200: 90, 404: 5, 500: 3, 503: 2 }, [['0.1', 60], ['0.5', 90], ['+Inf', 100]]))).toEqual({
      instance: 'aaaaaaaa-1', requests: 100, errors: 5, buckets: new Map([[0.1, 60], [0.5, 30], [Number.POSITIVE_INFINITY, 10]]),
    });
  });

  test.each([['', undefined], ['<html>', undefined], ['up 1\nprocess_cpu_seconds_total{x="1"} 5', undefined], ['http_requests_total{status="200"} NaN', undefined]])('%j counts nothing', (text, expected) => {
    expect(parsePodFigures(text)).toEqual(expected);
  });

  test('the times of one that answered nothing yet make it known all the same', () => {
    expect(parsePodFigures(PAGE({}, [['0.1', 0], ['+Inf', 0]]))).toMatchObject({ requests: 0, errors: 0 });
  });

  test('other labels, in whatever order', () => {
    expect(parsePodFigures('http_requests_total{method="GET",status="502",code="x"} 4.0')).toMatchObject({ requests: 4, errors: 4 });
  });
});

describe('between two readings', () => {
  const reading = (requests: number, errors: number, instance = 'a'): PodReading => ({ instance, requests, errors, buckets: new Map([[0.1, requests]]) });

  test.each<[string, PodReading | undefined, PodReading, number, number]>([
    ['what came', reading(10, 1), reading(15, 3), 5, 2],
    ['nothing', reading(10, 1), reading(10, 1), 0, 0],
    ['a first reading counts whole', undefined, reading(15, 3), 15, 3],
    ['another process counts whole', reading(10, 1), reading(4, 2, 'b'), 4, 2],
    ['and so does one that counts from 0 again under its name', reading(10, 1), reading(4, 2), 4, 2],
  ])('%s', (_what, before, after, requests, errors) => {
    const found = between(before, after);
    expect([found.requests, found.errors, found.buckets.get(0.1)]).toEqual([requests, errors, requests]);
  });
});

test.each<[string, [number, number][], number | undefined]>([
  ['nothing measured', [[0.1, 0]], undefined],
  ['in the first bucket', [[0.1, 100], [Number.POSITIVE_INFINITY, 0]], 95],
  ['between two bounds', [[0.1, 90], [0.2, 10], [Number.POSITIVE_INFINITY, 0]], 150],
  ['beyond the last bound', [[0.1, 90], [Number.POSITIVE_INFINITY, 10]], Number.POSITIVE_INFINITY],
])('95th percentile: %s', (_what, buckets, expected) => {
  expect(quantileMs(new Map(buckets), 0.95)).toEqual(expected === undefined ? undefined : expect.closeTo(expected, 6));
});

describe('a sliding window', () => {
  const some = (requests: number) => ({ requests, errors: 0, buckets: new Map<number, number>() });

  test('has what came in it, and forgets the rest', () => {
    const window = new SlidingWindow(60);
    for (let second = 0; second < 300; second += 5) window.add(second * 1_000, some(10));
    expect(window.sum(60, 295_000)?.requests).toBe(120);
    expect(window.sum(30, 295_000)?.requests).toBe(60);
    expect(window.sum(60, 1_000_000)).toMatchObject({ requests: 0 });
  });

  test('is undefined while nothing came', () => {
    expect(new SlidingWindow(60).sum(60, 0)).toBeUndefined();
  });

  test('of an hour holds no more parts than one of a minute', () => {
    const window = new SlidingWindow(3_600);
    for (let second = 0; second < 3 * 3_600; second += 5) window.add(second * 1_000, some(1));
    expect(window.size).toBeLessThanOrEqual(121);
    expect(window.sum(3_600, 3 * 3_600_000)?.requests).toBeGreaterThan(700);
  });

  test('adds up whoever comes', () => {
    expect(figuresOf(sumOf([{ requests: 3, errors: 1, buckets: new Map([[0.1, 3]]) }, { requests: 2, errors: 0, buckets: new Map([[0.1, 2]]) }]))).toEqual({ requests: 5, errors: 1, p95Ms: expect.closeTo(95, 6) });
  });
});
