import { crc32 } from 'node:zlib';
import { fromBufferPromise, type Entry, type ZipFile } from 'yauzl';
import { ArchiveError, shown } from './archive-errors.js';
import type { ArchiveLimits } from './archive-limits.js';
import { SourceTree } from './source-tree.js';

const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;
const MADE_BY_UNIX = 3;
const MADE_BY_MACOS = 19;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a zip wholly in memory, aborting at the first byte too many.
 * @throws {ArchiveError}
 */
export async function readZip(bytes: Uint8Array, limits: ArchiveLimits): Promise<SourceTree> {
  const tree = new SourceTree(limits);
  const meter = new ZipMeter(bytes.byteLength, limits);
  try {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // Names stay bytes: yauzl would turn backslashes into slashes and take names that are not UTF-8 for CP437.
    const zip = await fromBufferPromise(buffer, { lazyEntries: true, decodeStrings: false, validateEntrySizes: true });
    if (zip.entryCount > limits.entries) {
      throw new ArchiveError('ARCHIVE_TOO_MANY_ENTRIES', `The archive has more than ${limits.entries} entries.`);
    }
    for await (const entry of zip.eachEntry()) await readEntry(zip, entry, tree, meter);
  } catch (error) {
    if (error instanceof ArchiveError) throw error;
    throw new ArchiveError('ARCHIVE_UNREADABLE', `The archive is not a readable zip: ${(error as Error).message}.`, error);
  }
  return tree;
}

class ZipMeter {
  private seen = 0;

  constructor(
    private readonly packed: number,
    private readonly limits: ArchiveLimits,
  ) {}

  count(name: string, bytes: number): void {
    this.seen += bytes;
    if (this.seen > this.limits.ratioFromBytes && this.seen > this.packed * this.limits.ratio) {
      throw new ArchiveError('ARCHIVE_BOMB', `The archive unpacks to more than ${this.limits.ratio} times its size, at entry ${shown(name)}.`);
    }
  }
}

async function readEntry(zip: ZipFile, entry: Entry, tree: SourceTree, meter: ZipMeter): Promise<void> {
  const name = nameOf(entry);
  const unix = [MADE_BY_UNIX, MADE_BY_MACOS].includes(entry.versionMadeBy >>> 8) ? entry.externalFileAttributes >>> 16 : 0;
  const type = unix & S_IFMT;
  if (name.endsWith('/') || type === S_IFDIR) {
    tree.admit(name, 'folder');
    return;
  }
  if (type !== 0 && type !== S_IFREG && type !== S_IFLNK) {
    throw new ArchiveError('ARCHIVE_UNSAFE_ENTRY', `The archive's entry ${shown(name)} is a device or pipe; only files, folders and links are allowed.`);
  }
  const path = tree.admit(name, 'file');
  if (entry.isEncrypted()) throw new ArchiveError('ARCHIVE_UNREADABLE', `The archive's entry ${shown(name)} is encrypted.`);
  if (!entry.canDecodeFileData()) {
    throw new ArchiveError('ARCHIVE_UNREADABLE', `The archive's entry ${shown(name)} is packed with a method other than deflate or stored.`);
  }
  tree.demandRoom(name, entry.uncompressedSize);
  const content = await contentOf(zip, entry, name, meter);
  if (type === S_IFLNK) tree.addSymlink(path, utf8Text(content));
  else tree.addFile(path, unix === 0 ? 0o644 : unix, content);
}

async function contentOf(zip: ZipFile, entry: Entry, name: string, meter: ZipMeter): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of await zip.openReadStreamPromise(entry)) {
      size += (part as Buffer).length;
      meter.count(name, (part as Buffer).length);
      parts.push(part as Buffer);
      if (size > entry.uncompressedSize) throw new Error('it unpacks to more than its header says');
    }
    if (size !== entry.uncompressedSize) throw new Error('it unpacks to less than its header says');
    const content = Buffer.concat(parts, size);
    if (crc32(content) !== entry.crc32) throw new Error('its checksum is wrong');
    return content;
  } catch (error) {
    if (error instanceof ArchiveError) throw error;
    throw new ArchiveError('ARCHIVE_UNREADABLE', `The archive's entry ${shown(name)} cannot be unpacked: ${(error as Error).message}.`, error);
  }
}

function nameOf(entry: Entry): string {
  return utf8Text(entry.fileNameRaw);
}

/** U+FFFD stands for whatever is not UTF-8; no such name or target passes {@link SourceTree}. */
function utf8Text(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return '\uFFFD';
  }
}
