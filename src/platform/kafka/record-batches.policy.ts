import { gunzipSync, zstdDecompressSync } from 'node:zlib';

export interface KafkaRecord {
  offset: bigint;
  /** Milliseconds since 1970. */
  timestamp: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: readonly (readonly [name: Buffer, value: Buffer | null])[];
}

/** Turn what was compressed into what it was, for data that are known to become no larger than allowed. */
export interface Decompressors {
  snappy(data: Buffer): Buffer;
  lz4(data: Buffer): Buffer;
}

export interface DecodingBounds {
  /** Once so many bytes are decoded no further batch is begun. */
  enough: number;
  /** Largest batch, decompressed. */
  most: number;
}

export interface DecodedBatches {
  records: KafkaRecord[];
  /** Where the next reading begins: behind what holds no records for readers, too. */
  next: bigint;
}

/** Offset and length stand before what the length counts. */
const HEAD = 12;
/** From there to the records. */
const REST_OF_HEADER = 49;
const MAGIC = 2;
/** `APPENDED`: the broker's time counts, of all of them. */
const [COMPRESSION, APPENDED, CONTROL] = [0b111, 0b1000, 0b100000];
const [GZIP, SNAPPY, LZ4, ZSTD] = [1, 2, 3, 4];
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER = 16;
const LZ4_MAGIC = 0x184d2204;
const LEAST_RECORD = 7;

/**
 * Reads what a broker sent of one partition: whole batches, the last one may be cut off. What brokers send is not trusted: nothing is decompressed
 * beyond its bound. Pure.
 * @param from first offset that is wanted: a batch is sent whole
 * @throws {RangeError} where it cannot be read, or a batch is too large
 */
export function decodeBatches(bytes: Buffer, from: bigint, bounds: DecodingBounds, decompressors: Decompressors): DecodedBatches {
  const records: KafkaRecord[] = [];
  let [next, decoded, at] = [from, 0, 0];
  while (bytes.length - at >= HEAD + REST_OF_HEADER && decoded < bounds.enough) {
    const length = bytes.readInt32BE(at + 8);
    if (length < REST_OF_HEADER) throw new RangeError('a batch of records is malformed');
    if (bytes.length - at - HEAD < length) break;
    const batch = bytes.subarray(at, at + HEAD + length);
    at += HEAD + length;
    if (batch.readInt8(16) !== MAGIC) throw new RangeError('a batch of records is in a form older than Kafka 0.11');
    const [base, attributes] = [batch.readBigInt64BE(0), batch.readInt16BE(21)];
    const last = base + BigInt(batch.readInt32BE(23));
    if (last < next) continue;
    if ((attributes & CONTROL) === 0) {
      const data = decompress(batch.subarray(HEAD + REST_OF_HEADER), attributes & COMPRESSION, bounds.most, decompressors);
      decoded += data.length;
      readRecords(data, batch, base, next, records);
    }
    next = last + 1n;
  }
  return { records, next };
}

function readRecords(data: Buffer, batch: Buffer, base: bigint, from: bigint, into: KafkaRecord[]): void {
  const appended = (batch.readInt16BE(21) & APPENDED) === 0 ? undefined : Number(batch.readBigInt64BE(35));
  const [firstTimestamp, count] = [Number(batch.readBigInt64BE(27)), batch.readInt32BE(57)];
  if (count < 0 || count * LEAST_RECORD > data.length) throw new RangeError('a batch of records is malformed');
  const cursor = new Cursor(data);
  for (let index = 0; index < count; index += 1) {
    const end = cursor.varint() + cursor.at;
    cursor.skip(1);
    const timestamp = firstTimestamp + cursor.varint();
    const offset = base + BigInt(cursor.varint());
    const [key, value] = [cursor.bytes(), cursor.bytes()];
    const headers = Array.from({ length: cursor.count() }, () => [cursor.bytes() ?? Buffer.alloc(0), cursor.bytes()] as const);
    if (cursor.at !== end) throw new RangeError('a record is malformed');
    if (offset >= from) into.push({ offset, timestamp: appended ?? timestamp, key, value, headers });
  }
}

function decompress(data: Buffer, kind: number, most: number, { snappy, lz4 }: Decompressors): Buffer {
  if (kind === 0) return data;
  if (kind === GZIP) return gunzipSync(data, { maxOutputLength: most });
  if (kind === ZSTD) return zstdDecompressSync(data, { maxOutputLength: most });
  if (kind !== SNAPPY && kind !== LZ4) throw new RangeError('a batch of records is compressed in an unknown way');
  if ((kind === SNAPPY ? snappyBound(data) : lz4Bound(data)) > most) throw new RangeError('a batch of records is too large');
  return kind === SNAPPY ? snappy(data) : lz4(data);
}

/** What snappy says its data become: it stands before each block. */
function snappyBound(data: Buffer): number {
  if (!data.subarray(0, XERIAL.length).equals(XERIAL)) return new Cursor(data).unsigned();
  let total = 0;
  for (let at = XERIAL_HEADER; at + 4 <= data.length;) {
    const length = data.readUInt32BE(at);
    total += new Cursor(data.subarray(at + 4, at + 4 + length)).unsigned();
    at += 4 + length;
  }
  return total;
}

/** The most that the blocks of an LZ4 frame can become. */
function lz4Bound(data: Buffer): number {
  if (data.length < 7 || data.readUInt32LE(0) !== LZ4_MAGIC) throw new RangeError('a batch of records is no LZ4 frame');
  const [flags, sizes] = [data[4]!, data[5]!];
  const block = 2 ** (8 + 2 * ((sizes >> 4) & 7));
  const trailer = flags & 0b10000 ? 4 : 0;
  let at = 7 + (flags & 0b1000 ? 8 : 0) + (flags & 1 ? 4 : 0);
  let total = 0;
  while (at + 4 <= data.length) {
    const word = data.readUInt32LE(at);
    if (word === 0) return total;
    const length = word & 0x7fffffff;
    total += Math.max(block, length);
    at += 4 + length + trailer;
  }
  throw new RangeError('an LZ4 frame is cut off');
}

/** Reads Kafka's variable-length numbers. Nothing is read beyond the end. */
class Cursor {
  at = 0;

  constructor(private readonly data: Buffer) {}

  unsigned(): number {
    let [value, factor] = [0, 1];
    for (let index = 0; index < 10; index += 1) {
      const byte = this.data[this.at];
      if (byte === undefined) break;
      this.at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw new RangeError('a number in a batch of records is malformed');
  }

  /** Zigzag. */
  varint(): number {
    const value = this.unsigned();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  skip(length: number): void {
    this.at += length;
  }

  bytes(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    if (length > this.data.length - this.at) throw new RangeError('a record is cut off');
    const found = this.data.subarray(this.at, this.at + length);
    this.at += length;
    return found;
  }

  count(): number {
    const count = this.varint();
    if (count < 0 || count * 2 > this.data.length - this.at) throw new RangeError('a record is malformed');
    return count;
  }
}
