import { describe, expect, it } from 'vitest';
import type { KafkaRecord } from '../../platform/kafka/record-batches.policy.js';
import { batchBody, batchLength, bytesOf, requestIdOf } from './batch-body.policy.js';

function record(offset: number, value: string | Buffer | null = 'v', more: Partial<KafkaRecord> = {}): KafkaRecord {
  return { offset: BigInt(offset), timestamp: 1_000, key: null, value: typeof value === 'string' ? Buffer.from(value) : value, headers: [], ...more };
}

const batch = (...records: KafkaRecord[]) => ({ topic: 't', partition: 3, records });

describe('a batch', () => {
  it.each([
    [[10, 10, 10], 2, 100, 2], [[10, 10, 10], 5, 100, 3], [[10, 10, 10], 5, 20, 2], [[10, 10, 10], 5, 19, 1], [[500, 10], 5, 20, 1], [[], 5, 20, 0], [[0, 0, 0], 2, 0, 2],
  ] as [number[], number, number, number][])('of records of %j bytes, of at most %i and %i bytes, has %i', (sizes, most, bytes, expected) => {
    expect(batchLength(sizes.map((size, index) => record(index, 'x'.repeat(size))), most, bytes)).toBe(expected);
  });

  it('counts keys, values and header fields', () => {
    expect(bytesOf(record(0, 'abc', { key: Buffer.from('de'), headers: [[Buffer.from('f'), Buffer.from('gh')], [Buffer.from('i'), null]] }))).toBe(9);
    expect(bytesOf(record(0, null))).toBe(0);
  });

  it('says where its records are from', () => {
    expect(JSON.parse(batchBody(batch(record(7, '{}', { key: Buffer.from('k') }))).toString())).toEqual({ topic: 't', partition: 3, records: [{ offset: 7, timestamp: 1_000, key: 'k', value: '{}', headers: [] }] });
  });

  it.each<[Buffer | null, object]>([
    [null, { value: null }], [Buffer.alloc(0), { value: '' }], [Buffer.from('é'), { value: 'é' }], [Buffer.from([0xc3]), { valueBase64: 'ww==' }], [Buffer.from([0xed, 0xa0, 0x80]), { valueBase64: '7aCA' }], [Buffer.from([0]), { value: '\0' }],
  ])('gives a value of %j as %j', (value, expected) => {
    const { records: [first] } = JSON.parse(batchBody(batch(record(0, value))).toString()) as { records: object[] };
    expect(first).toEqual({ offset: 0, timestamp: 1_000, key: null, headers: [], ...expected });
  });

  it('has an id of its own, the same at every try', () => {
    const id = requestIdOf('a', batch(record(1), record(2)));
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
    expect(requestIdOf('a', batch(record(1, 'other'), record(2)))).toBe(id);
    for (const other of [requestIdOf('b', batch(record(1), record(2))), requestIdOf('a', batch(record(1), record(3))), requestIdOf('a', batch(record(2))), requestIdOf('a', { ...batch(record(1), record(2)), partition: 4 })]) expect(other).not.toBe(id);
  });
});
