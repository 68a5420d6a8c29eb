import { describe, expect, it } from 'vitest';
import { forwardHeaders, setDeadline, type ForwardFacts } from './forward-headers.policy.js';
import { isRequestId, isTraceparent, scanRequestHeaders } from './request-headers.policy.js';
import { responseHeaders } from './response-headers.policy.js';

function pairs(list: readonly string[]): [string, string][] {
  return Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i]!.toLowerCase(), list[2 * i + 1]!]);
}

const FACTS: ForwardFacts = { authentication: 'required', requestId: 'r1', remoteAddress: '::ffff:10.0.0.9', encrypted: false, trustForwarded: false, streamed: false };

function forwarded(raw: string[], facts: Partial<ForwardFacts> = {}): Map<string, string> {
  return new Map(pairs(forwardHeaders(scanRequestHeaders(raw), { ...FACTS, ...facts })));
}

describe('scanRequestHeaders', () => {
  it('drops hop-by-hop fields and whatever Connection names', () => {
    const { forward } = scanRequestHeaders([
      'Host', 'h', 'Connection', 'keep-alive, X-Secret-Hop', 'Keep-Alive', 'timeout=5', 'TE', 'trailers', 'Trailer', 'x', 'Upgrade', 'websocket',
      'Proxy-Authorization', 'Basic x', 'Proxy-Connection', 'close', 'X-Secret-Hop', '1', 'X-Kept', '2',
    ]);
    expect(forward).toEqual(['X-Kept', '2']);
  });

  it('keeps repeated fields and their order', () => {
    expect(scanRequestHeaders(['Cookie', 'a=1', 'X-A', '1', 'Cookie', 'b=2']).forward).toEqual(['Cookie', 'a=1', 'X-A', '1', 'Cookie', 'b=2']);
  });

  it('drops what only the platform may say', () => {
    const { forward } = scanRequestHeaders(['X-Fnplane-Served-By', 'x', 'x-fnplane-anything', 'y', 'Forwarded', 'for=1.2.3.4', 'X-Real-IP', '1.2.3.4', 'X-Forwarded-Port', '1']);
    expect(forward).toEqual([]);
  });

  it.each([
    [['Host', 'a', 'Host', 'b']], [['Content-Length', '5', 'Content-Length', '5']], [['Content-Length', '5', 'Transfer-Encoding', 'chunked']],
    [['Content-Length', '+5']], [['Content-Length', '5, 5']], [['Content-Length', '0x5']], [['Transfer-Encoding', 'gzip, chunked']], [['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked']],
    [['Authorization', 'a', 'authorization', 'b']], [['X-Api-Key', 'a', 'X-API-Key', 'b']], [['x-fnplane-internal', 'a', 'x-fnplane-internal', 'b']],
  ])('refuses %j', (raw) => {
    expect(scanRequestHeaders(raw).problem).toBeDefined();
  });

  it('reads the size of the body', () => {
    expect(scanRequestHeaders(['Content-Length', '12'])).toMatchObject({ contentLength: 12, chunked: false });
    expect(scanRequestHeaders(['Transfer-Encoding', 'Chunked'])).toMatchObject({ contentLength: -1, chunked: true });
    expect(scanRequestHeaders([])).toMatchObject({ contentLength: -1, chunked: false });
  });
});

describe('forwardHeaders', () => {
  it('never passes on a credential the platform used', () => {
    const seen = forwarded(['Authorization', 'Bearer t', 'X-Api-Key', 'k']);
    expect([seen.has('authorization'), seen.has('x-api-key')]).toEqual([false, false]);
  });

  it('passes on a credential meant for the function', () => {
    expect(forwarded(['Authorization', 'Basic abc', 'X-Api-Key', 'k']).get('authorization')).toBe('Basic abc');
    const open = forwarded(['Authorization', 'Bearer t', 'X-Api-Key', 'k'], { authentication: 'none' });
    expect([open.get('authorization'), open.get('x-api-key')]).toEqual(['Bearer t', 'k']);
  });

  it('says who asked, and believes nobody else', () => {
    const seen = forwarded(['Host', 'fn.test', 'X-Forwarded-For', '6.6.6.6', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'evil']);
    expect([seen.get('x-forwarded-for'), seen.get('x-forwarded-proto'), seen.get('x-forwarded-host'), seen.get('host')]).toEqual(['10.0.0.9', 'http', 'fn.test', 'fn.test']);
  });

  it('continues the chain of a trusted proxy', () => {
    const seen = forwarded(['Host', 'inner', 'X-Forwarded-For', '6.6.6.6', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'public'], { trustForwarded: true });
    expect([seen.get('x-forwarded-for'), seen.get('x-forwarded-proto'), seen.get('x-forwarded-host')]).toEqual(['6.6.6.6, 10.0.0.9', 'https', 'public']);
  });

  it('keeps a valid trace context and replaces any other', () => {
    const valid = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const kept = forwarded(['Traceparent', valid, 'Tracestate', 'a=1', 'tracestate', 'b=2']);
    expect([kept.get('traceparent'), kept.get('tracestate')]).toEqual([valid, 'a=1,b=2']);
    const made = forwarded(['Traceparent', '00-xyz', 'Tracestate', 'a=1']);
    expect(isTraceparent(made.get('traceparent')!)).toBe(true);
    expect(made.has('tracestate')).toBe(false);
  });

  it('tells what started a request where the platform itself says so, and nobody else', () => {
    const said = ['x-fnplane-trigger', 'nightly', 'X-Fnplane-Due-At', '2026-11-26T02:30:00.000Z'];
    const seen = (raw: string[]) => ['x-fnplane-trigger', 'x-fnplane-due-at'].map((name) => forwarded(raw).get(name));
    expect(seen([...said, 'x-fnplane-internal', 'token'])).toEqual(['nightly', '2026-11-26T02:30:00.000Z']);
    expect(seen(said)).toEqual([undefined, undefined]);
  });

  it('has the deadline last, to be written at each attempt', () => {
    const list = forwardHeaders(scanRequestHeaders(['Host', 'h']), FACTS);
    setDeadline(list, 1234);
    setDeadline(list, 5678);
    expect(list.slice(-2)).toEqual(['x-fnplane-deadline', '5678']);
  });
});

describe('formats', () => {
  it.each([['abc-123', true], ['A.b:c_d', true], ['', false], ['-x', false], ['a b', false], ['a\nb', false], ['x'.repeat(129), false]])('request id %j: %s', (value, valid) => {
    expect(isRequestId(value)).toBe(valid);
  });

  it.each([
    ['00-00000000000000000000000000000000-b7ad6b7169203331-01', false], ['00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01', false],
    ['ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', false], ['00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', false],
    ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00', true],
  ])('traceparent %s: %s', (value, valid) => {
    expect(isTraceparent(value)).toBe(valid);
  });
});

describe('responseHeaders', () => {
  it('passes everything on but hop-by-hop fields and spoofed platform fields', () => {
    const list = responseHeaders({
      'content-type': 'text/plain', 'set-cookie': ['a=1', 'b=2'], connection: 'close, x-hop', 'keep-alive': 'timeout=5', 'transfer-encoding': 'chunked',
      'x-hop': '1', 'x-request-id': 'spoofed', 'x-fnplane-served-by': 'spoofed', 'x-fnplane-error-source': 'handler',
    }, 'r1', 'f@3');
    expect(pairs(list)).toEqual([
      ['content-type', 'text/plain'], ['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['x-fnplane-error-source', 'handler'], ['x-request-id', 'r1'], ['x-fnplane-served-by', 'f@3'],
    ]);
  });
});
