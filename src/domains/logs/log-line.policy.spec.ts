import { describe, expect, it } from 'vitest';
import { readText, splitStamp } from './log-line.policy.js';

const AT = BigInt(Date.parse('2026-11-26T10:00:00Z')) * 1_000_000n;
const read = (text: string) => readText({ at: AT, text });

describe('the stamp of a line', () => {
  it.each([
    ['2026-11-26T10:00:00.123456789Z hello', AT + 123_456_789n, 'hello'],
    ['2026-11-26T10:00:00Z hello', AT, 'hello'],
    ['2026-11-26T11:00:00.5+01:00   indented', AT + 500_000_000n, '  indented'],
    ['2026-11-26T10:00:00.000000001Z ', AT + 1n, ''],
    ['2026-11-26T10:00:00.000000001Z', AT + 1n, ''],
  ])('%s', (line, at, text) => {
    expect(splitStamp(line)).toEqual({ at, text });
  });

  it.each(['unable to retrieve container logs for containerd://x', '', '2026-11-26 10:00:00 x', '2026-13-26T10:00:00Z x'])('is missing from "%s"', (line) => {
    expect(splitStamp(line)).toBeUndefined();
  });
});

describe('what was printed', () => {
  it('is a message, where it is no JSON', () => {
    expect(read('plain {')).toEqual({ at: AT, time: new Date('2026-11-26T10:00:00Z'), level: null, message: 'plain {', requestId: null, fields: null, printed: true });
  });

  it('tells time, level, message, request and the rest, where it is JSON', () => {
    const line = { time: '2026-11-26T09:59:59.900Z', level: 'warning', message: 'low stock', requestId: 'r-1', function: 'f', revision: 2, order: 'o-1', left: { a: 1 } };
    expect(read(JSON.stringify(line))).toEqual({
      at: AT, time: new Date('2026-11-26T09:59:59.900Z'), level: 'warn', message: 'low stock', requestId: 'r-1', fields: '{"order":"o-1","left":{"a":1}}', printed: false,
    });
  });

  it.each([
    ['what a runtime made of a print', '{"time":"2026-11-26T10:00:00.000Z","level":"info","message":"x","requestId":"r"}', { printed: true, fields: null }],
    ['a logger\'s line without fields of its own', '{"level":"info","message":"x","requestId":"r","function":"f","revision":1}', { printed: false, fields: null }],
    ['pino\'s names and numbers', '{"level":40,"time":1795687200000,"msg":"x"}', { message: 'x', level: 'warn' }],
    ['a time that is far off', '{"time":"1999-01-01T00:00:00Z","message":"x"}', { time: new Date('2026-11-26T10:00:00Z') }],
    ['a time that is none', '{"time":"now","message":"x"}', { time: new Date('2026-11-26T10:00:00Z') }],
    ['a level nobody knows', '{"level":"loud","message":"x"}', { level: null }],
    ['a request id that is none', '{"message":"x","requestId":"a b"}', { requestId: null }],
    ['JSON without a message', '{"order":1}', { message: '{"order":1}', printed: true }],
    ['a message that is no text', '{"message":5}', { message: '{"message":5}' }],
    ['JSON that is cut off', '{"message":"x', { message: '{"message":"x', printed: true }],
    ['what Postgres cannot hold', 'a\0b\ud800c', { message: 'a\uFFFDb\uFFFDc' }],
    ['the same inside of JSON', '{"message":"a\\u0000b","k":"\\u0000"}', { message: 'a\uFFFDb', fields: '{"k":"\\u0000"}' }],
  ])('%s', (_, line, expected) => {
    expect(read(line)).toMatchObject(expected);
  });
});
