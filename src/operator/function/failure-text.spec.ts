import { expect, test } from 'vitest';
import { exitWords, imagePullCause, LOG_LIMIT, schedulingCause, startErrorCause, tailOfLog } from './failure-text.js';

test.each([
  ['colours', '\u001b[1;31mred\u001b[0m \u001b]0;title\u0007text', 'red text'],
  ['control characters', 'a\u0000b\u0007c\td', 'abc\td'],
  ['line ends', '\r\none\r\ntwo\r\n\n', 'one\ntwo'],
  ['repeats', 'a\nretry\nretry\nretry\nb', 'a\nretry (3 times)\nb'],
])('%s', (_what, log, text) => {
  expect(tailOfLog(log)).toBe(text);
});

test('a long log keeps its last whole lines', () => {
  const tail = tailOfLog(Array.from({ length: 500 }, (_, index) => `line ${index}`).join('\n'));
  expect(tail.length).toBeLessThanOrEqual(LOG_LIMIT);
  expect(tail).toMatch(/^line \d+\n/);
  expect(tail.endsWith('line 499')).toBe(true);
  expect(tailOfLog('x'.repeat(5_000))).toHaveLength(LOG_LIMIT);
});

test.each([
  ['failed to resolve reference "r/not-found@x": unexpected status: 500', 'unexpected status: 500'],
  ['x509: certificate signed by unknown authority', 'the registry\'s certificate is not trusted'],
  ['dial tcp: lookup registry.test: no such host', 'the registry\'s name cannot be resolved'],
  ['http: server gave HTTP response to HTTPS client', 'the registry speaks plain HTTP, which the cluster\'s nodes do not allow for it'],
  ['no match for platform in manifest', 'it was not built for the nodes\' processor'],
  ['', 'the node gave no cause'],
])('pulling: %s', (message, cause) => {
  expect(imagePullCause(message)).toBe(cause);
});

test.each([[1, undefined, 'ended with exit code 1'], [143, undefined, 'was ended by signal 15'], [0, 9, 'was ended by signal 9'], [255, undefined, 'ended with exit code 255']])('exit %i', (code, signal, words) => {
  expect(exitWords(code, signal)).toBe(words);
});

test.each([
  ['0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {a: b}. preemption: none.', '1 Insufficient cpu, 1 node(s) had untolerated taint {a: b}'],
  ['no nodes available to schedule pods', 'no nodes available to schedule pods'],
])('scheduling: %s', (message, cause) => {
  expect(schedulingCause(message)).toBe(cause);
});

test.each([
  ['failed to create shim task: OCI runtime create failed: runc create failed: exec: "/function/handler": stat /function/handler: no such file or directory: unknown', 'exec: "/function/handler": stat /function/handler: no such file or directory'],
  ['no command specified', 'no command specified'],
])('starting: %s', (message, cause) => {
  expect(startErrorCause(message)).toBe(cause);
});
