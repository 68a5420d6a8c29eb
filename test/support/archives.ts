import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { crc32, deflateRaw, gzip } from 'node:zlib';
import { pack } from 'tar-stream';

/** A file by default; with `link`, a symbolic link, or a hard one where `hard`. */
export interface ArchiveEntry {
  name: string;
  content?: Buffer | string;
  link?: string;
  hard?: boolean;
}

const [compress, deflate] = [promisify(gzip), promisify(deflateRaw)];

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Names and targets go in as they are, wicked ones too. */
export async function tarGz(entries: readonly ArchiveEntry[]): Promise<Buffer> {
  const tar = pack();
  const bytes = buffer(tar);
  for (const { name, content = '', link, hard } of entries) {
    if (link !== undefined) tar.entry({ name, type: hard ? 'link' : 'symlink', linkname: link });
    else tar.entry({ name, mode: 0o644 }, typeof content === 'string' ? Buffer.from(content) : content);
  }
  tar.finalize();
  return compress(await bytes);
}

const FILE = 0o100644;
const SYMLINK = 0o120777;
const MADE_BY_UNIX = 3 << 8;
const VERSION = 20;
const DEFLATED = 8;

/** Names and targets go in as they are, wicked ones too; there are no hard links in a zip. */
export async function zip(entries: readonly ArchiveEntry[]): Promise<Buffer> {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, content = '', link } of entries) {
    const bytes = Buffer.from(link ?? content);
    const packed = await deflate(bytes);
    const path = Buffer.from(name);
    // Version, flags, method, time and date, checksum, sizes, lengths of name and extra field: the same in both headers.
    const facts = numbers([VERSION, 2], [0, 2], [DEFLATED, 2], [0, 4], [crc32(bytes), 4], [packed.length, 4], [bytes.length, 4], [path.length, 2], [0, 2]);
    const local = Buffer.concat([numbers([0x04034b50, 4]), facts, path, packed]);
    central.push(Buffer.concat([numbers([0x02014b50, 4], [MADE_BY_UNIX | VERSION, 2]), facts, numbers([0, 2], [0, 2], [0, 2], [((link === undefined ? FILE : SYMLINK) << 16) >>> 0, 4], [offset, 4]), path]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = numbers([0x06054b50, 4], [0, 2], [0, 2], [entries.length, 2], [entries.length, 2], [directory.length, 4], [offset, 4], [0, 2]);
  return Buffer.concat([...locals, directory, end]);
}

/** Little-endian, each of so many bytes. */
function numbers(...values: [value: number, bytes: number][]): Buffer {
  const whole = Buffer.alloc(values.reduce((sum, [, bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [value, bytes] of values) at = whole.writeUIntLE(value, at, bytes);
  return whole;
}
