import { expect, test } from 'vitest';
import { parsePodLoad } from './pod-load.policy.js';

const PAGE = `# HELP http_requests_total Answers by status code.
# TYPE http_requests_total counter
http_requests_total{status="200"} 40
http_requests_total{status="500"} 2
function_in_flight 3
function_instance_info{instance="6f9a7c10-0000-4000-8000-000000000001"} 1
function_duration_seconds_bucket{le="0.1"} 12
`;

test.each<[string, string, ReturnType<typeof parsePodLoad>]>([
  ['adds the answers of all statuses up', PAGE, { instance: '6f9a7c10-0000-4000-8000-000000000001', requests: 42, inFlight: 3 }],
  ['a runtime that has answered nothing', 'function_in_flight 0\nfunction_instance_info{language="go",instance="a-1"} 1', { instance: 'a-1', requests: 0, inFlight: 0 }],
  ['decimals, exponents and times', 'http_requests_total 1.5e3 1700000000\nfunction_in_flight 2.0\r\nfunction_instance_info{instance="a"} 1', { instance: 'a', requests: 1_500, inFlight: 2 }],
  ['a page that names no life', 'http_requests_total 1\nfunction_in_flight 0', null],
  ['a page of another program', 'go_goroutines 12', null],
  ['values that are none', 'http_requests_total NaN\nfunction_in_flight 0\nfunction_instance_info{instance="a"} 1', null],
  ['nothing', '', null],
])('%s', (_, text, expected) => {
  expect(parsePodLoad(text)).toEqual(expected);
});
