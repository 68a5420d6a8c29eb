import { describe, expect, it } from 'vitest';
import { headerProblems, passedOn, pathProblem } from './invocation-request.policy.js';

describe('paths', () => {
  it.each(['/', '/a/b', '/a?x=1&y=..', '/a%20b', '/.well-known/x', '/..a', '/a/...'])('passes %s', (path) => {
    expect(pathProblem(path)).toBeUndefined();
  });

  it.each(['', 'a', 'http://other/', '/a b', '/ä', '/a#b', '/../b', '/a/..', '/a/./b', '/%2e%2e/b', '/%2E./b', '/a%2f..%2fb', '/a\\b', '/%5c', '/%00', '/a%', '/a%zz', '/a\r\nx: y', `/${'a'.repeat(4096)}`])('refuses %j', (path) => {
    expect(pathProblem(path)).toEqual(expect.any(String));
  });
});

describe('header fields', () => {
  it('are passed on without credentials, connection and platform fields', () => {
    expect(passedOn({
      authorization: 'Bearer x', 'x-api-key': 'k', cookie: 'a=b', host: 'api', connection: 'close', 'content-length': '3', 'x-forwarded-for': '1.2.3.4', 'x-fnplane-internal': 't',
      'x-request-id': 'r', 'x-real-ip': '1.2.3.4', origin: 'https://portal', 'content-type': 'application/json', 'idempotency-key': 'i', traceparent: '00-a', 'ce-id': '1', 'x-order': '7', accept: undefined,
    })).toEqual({ 'content-type': 'application/json', 'idempotency-key': 'i', traceparent: '00-a', 'ce-id': '1', 'x-order': '7' });
  });

  it.each([
    [{ 'X-Order': '7', 'Content-Type': 'text/plain' }, []],
    [{ Authorization: 'x' }, ['/headers/Authorization']],
    [{ 'X-Fnplane-Internal': 'x' }, ['/headers/X-Fnplane-Internal']],
    [{ Host: 'x', 'transfer-encoding': 'chunked' }, ['/headers/Host', '/headers/transfer-encoding']],
    [{ 'a b': 'x' }, ['/headers/a b']],
    [{ 'a/b': 'x' }, ['/headers/a~1b']],
    [{ 'x-a': 'x\r\ny: z' }, ['/headers/x-a']],
    [{ 'x-a': 1 }, ['/headers/x-a']],
    [{ 'x-a': '1', 'X-A': '2' }, ['/headers/X-A']],
    [{ 'x-a': 'x'.repeat(8192) }, ['/headers']],
    [Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`x-${index}`, ''])), ['/headers']],
  ])('given as %o are wrong at %o', (headers, pointers) => {
    expect(headerProblems(headers).map((problem) => problem.pointer)).toEqual(pointers);
  });
});
