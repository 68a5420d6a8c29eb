import { gzipSync, zstdCompressSync } from 'node:zlib';
import { compressionsAlgorithms, createRecordsBatch, type MessageRecord } from '@platformatic/kafka';
import { describe, expect, test } from 'vitest';
import { decodeBatches, type Decompressors } from './record-batches.policy.js';

const BOUNDS = { enough: 1 << 20, most: 1 << 20 };
const { snappy, lz4 } = compressionsAlgorithms;
const DECOMPRESSORS: Decompressors = { snappy: (data) => snappy.decompressSync(data), lz4: (data) => lz4.decompressSync(data) };
const VALUES = ['zero', 'one', 'two'];

/** As a broker sends it: with the offset it gave. */
function batch(base: number, values: readonly string[], compression?: 'gzip' | 'snappy' | 'lz4' | 'zstd'): Buffer {
  const messages = values.map((value, index) => ({ topic: 't', partition: 0, timestamp: BigInt(1_000 + index), key: Buffer.from('k'), value: Buffer.from(value), headers: new Map([[Buffer.from('h'), Buffer.from('v')]]) })) as unknown as MessageRecord[];
  const bytes = Buffer.from(createRecordsBatch(messages, compression ? { compression } : {}).buffer);
  bytes.writeBigInt64BE(BigInt(base), 0);
  return bytes;
}

function read(bytes: Buffer, from = 0, bounds = BOUNDS): { offsets: number[]; values: string[]; next: number } {
  const { records, next } = decodeBatches(bytes, BigInt(from), bounds, DECOMPRESSORS);
  return { offsets: records.map(({ offset }) => Number(offset)), values: records.map(({ value }) => value!.toString()), next: Number(next) };
}

/** With other attributes, or another body behind the header. */
function changed(bytes: Buffer, attributes: number, body?: Buffer): Buffer {
  const copy = body ? Buffer.concat([bytes.subarray(0, 61), body]) : Buffer.from(bytes);
  copy.writeInt16BE(attributes, 21);
  copy.writeInt32BE(copy.length - 12, 8);
  return copy;
}

describe('batches of records', () => {
  test.each([undefined, 'gzip', 'snappy', 'lz4', 'zstd'] as const)('are read, compressed by %s', (compression) => {
    expect(read(batch(7, VALUES, compression))).toEqual({ offsets: [7, 8, 9], values: VALUES, next: 10 });
    const [record] = decodeBatches(batch(7, VALUES, compression), 0n, BOUNDS, DECOMPRESSORS).records;
    expect(record).toMatchObject({ timestamp: 1_000, key: Buffer.from('k'), headers: [[Buffer.from('h'), Buffer.from('v')]] });
  });

  test('are read from the offset that is wanted, and as far as they are whole', () => {
    const two = Buffer.concat([batch(0, VALUES), batch(3, VALUES)]);
    expect(read(two, 2)).toEqual({ offsets: [2, 3, 4, 5], values: ['two', ...VALUES], next: 6 });
    expect(read(two.subarray(0, two.length - 1), 1)).toEqual({ offsets: [1, 2], values: ['one', 'two'], next: 3 });
    expect(read(two, 3)).toMatchObject({ offsets: [3, 4, 5], next: 6 });
    expect(read(two.subarray(0, 20), 5)).toEqual({ offsets: [], values: [], next: 5 });
    expect(read(Buffer.alloc(0), 5).next).toBe(5);
  });

  test('end where enough is decoded: the rest is fetched again', () => {
    expect(read(Buffer.concat([batch(0, VALUES), batch(3, VALUES)]), 0, { enough: 1, most: 1 << 20 })).toMatchObject({ offsets: [0, 1, 2], next: 3 });
  });

  test('that only control transactions are passed over', () => {
    expect(read(Buffer.concat([changed(batch(0, ['x']), 0b110000), batch(1, ['y'])]))).toEqual({ offsets: [1], values: ['y'], next: 2 });
  });

  test('have the time of the broker where that counts', () => {
    expect(decodeBatches(changed(batch(0, VALUES), 0b1000), 0n, BOUNDS, DECOMPRESSORS).records.map(({ timestamp }) => timestamp)).toEqual([1_002, 1_002, 1_002]);
  });

  const huge = 'x'.repeat(200_000);

  test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('by %s become no larger than allowed', (compression) => {
    expect(() => read(batch(0, [huge], compression), 0, { enough: 1 << 20, most: 100_000 })).toThrow(RangeError);
  });

  test.each<[string, () => Buffer]>([
    ['an older form', () => { const bytes = batch(0, VALUES); bytes.writeInt8(1, 16); return bytes; }],
    ['an unknown compression', () => changed(batch(0, VALUES), 7)],
    ['a negative length', () => { const bytes = batch(0, VALUES); bytes.writeInt32BE(-1, 8); return bytes; }],
    ['more records than there are bytes', () => { const bytes = batch(0, VALUES); bytes.writeInt32BE(1 << 30, 57); return bytes; }],
    ['one record too many', () => { const bytes = batch(0, VALUES); bytes.writeInt32BE(4, 57); return bytes; }],
    ['no records where some should be', () => changed(batch(0, VALUES), 0, Buffer.alloc(40, 0xff))],
    ['no gzip', () => changed(batch(0, VALUES), 1, Buffer.from('nothing of the kind'))],
    ['no LZ4', () => changed(batch(0, VALUES), 3, Buffer.from('nothing of the kind'))],
    ['an LZ4 frame without an end', () => changed(batch(0, VALUES), 3, Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 1, 0, 0, 0, 0]))],
    ['records in gzip that are none', () => changed(batch(0, VALUES), 1, gzipSync(Buffer.alloc(30, 0x7f)))],
    ['records in Zstandard that are none', () => changed(batch(0, VALUES), 4, zstdCompressSync(Buffer.alloc(30, 0x7f)))],
  ])('with %s are refused', (_, bytes) => {
    expect(() => read(bytes())).toThrow();
  });
});
