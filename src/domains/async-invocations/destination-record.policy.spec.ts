import { describe, expect, it } from 'vitest';
import { destinationRecord, type EndedInvocation } from './destination-record.policy.js';

const ENDED: EndedInvocation = {
  id: 'i', functionId: 'f', function: 'pay', state: 'succeeded', attempts: 2, hops: 0, principal: 'user:x', status: 201, revision: 3, errorCode: null, errorMessage: null,
  resultType: 'application/json; charset=utf-8', resultEncoding: null, result: Buffer.from('{"é":1}'),
};

describe('what a destination gets', () => {
  it('is what became of the invocation, with the answer', () => {
    expect(destinationRecord(ENDED)).toEqual({ requestId: 'i', function: 'pay', revision: 3, outcome: 'succeeded', status: 201, attempts: 2, error: null, answer: { contentType: 'application/json; charset=utf-8', body: '{"é":1}' } });
    expect(destinationRecord({ ...ENDED, state: 'failed', status: null, revision: null, errorCode: 'ASYNC_EXPIRED', errorMessage: 'Old.', resultType: null, result: null })).toMatchObject({ outcome: 'failed', error: { code: 'ASYNC_EXPIRED', message: 'Old.' }, answer: null });
  });

  it.each<[string, Partial<EndedInvocation>]>([
    ['no text', { resultType: 'image/png' }], ['compressed', { resultEncoding: 'gzip' }], ['large', { result: Buffer.alloc(16 * 1024 + 1, 'x') }], ['not kept', { result: null }],
    ['no UTF-8', { result: Buffer.from([0xff, 0xfe]) }], ['nothing Postgres keeps', { result: Buffer.from('a\0b') }],
  ])('has no answer that is %s', (_, more) => {
    expect(destinationRecord({ ...ENDED, ...more }).answer).toBeNull();
  });

  it.each(['text/plain', 'application/problem+json', 'application/cloudevents+json', 'TEXT/HTML'])('has one of type %s', (resultType) => {
    expect(destinationRecord({ ...ENDED, resultType }).answer).toMatchObject({ contentType: resultType });
  });
});
