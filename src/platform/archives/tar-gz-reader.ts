import { Readable, Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { ArchiveError, shown } from './archive-errors.js';
import { inMib, type ArchiveLimits } from './archive-limits.js';
import { SourceTree } from './source-tree.js';

/** Headers and padding of an entry: 512 each, twice over for extended headers. */
const OVERHEAD_PER_ENTRY = 2_560;
/** What the package's own types leave out: entries are async iterables, names may be absent, types unknown. */
type TarEntry = AsyncIterable<Buffer> & {
  header: Omit<Header, 'type' | 'linkname' | 'pax'> & { type: string | null; linkname: string | null; pax?: { path?: string; linkpath?: string } | null };
};
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a tar.gz wholly in memory, aborting at the first byte too many.
 * @throws {ArchiveError}
 */
export async function readTarGz(bytes: Uint8Array, limits: ArchiveLimits): Promise<SourceTree> {
  const tree = new SourceTree(limits);
  // Names come as raw bytes (latin1 keeps each), so that a name that is not UTF-8 is seen instead of replaced.
  const tar = extract({ filenameEncoding: 'latin1' } as object);
  const packed = Readable.from([Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)]);
  const flow = pipeline(packed, createGunzip(), meter(bytes.byteLength, limits), tar as unknown as Writable);
  let broken: unknown;
  flow.catch((error: unknown) => {
    broken = error;
    // tar-stream does not pass a destroyed source's reason on to its iterator.
    tar.destroy(error as Error);
  });
  try {
    for await (const entry of tar as unknown as AsyncIterable<TarEntry>) await readEntry(entry, tree);
    await flow;
  } catch (error) {
    const cause = error instanceof ArchiveError ? error : await settled(flow, broken ?? error);
    if (cause instanceof ArchiveError) throw cause;
    throw new ArchiveError('ARCHIVE_UNREADABLE', `The archive is not a readable tar.gz: ${(cause as Error).message}.`, cause);
  }
  return tree;
}

async function settled(flow: Promise<void>, otherwise: unknown): Promise<unknown> {
  try {
    await flow;
    return otherwise;
  } catch (error) {
    return error instanceof ArchiveError ? error : otherwise;
  }
}

/** Counts everything that is unpacked, of every gzip member and after the tar's end too. */
function meter(packed: number, limits: ArchiveLimits): Transform {
  const cap = limits.unpackedBytes + limits.entries * OVERHEAD_PER_ENTRY;
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (seen > cap) return done(new ArchiveError('ARCHIVE_TOO_LARGE', `The archive unpacks to more than ${inMib(limits.unpackedBytes)}.`));
      if (seen > limits.ratioFromBytes && seen > packed * limits.ratio) {
        return done(new ArchiveError('ARCHIVE_BOMB', `The archive unpacks to more than ${limits.ratio} times its size.`));
      }
      done(null, chunk);
    },
  });
}

async function readEntry(entry: TarEntry, tree: SourceTree): Promise<void> {
  const { header } = entry;
  const name = textOf(header.name, header.pax?.path);
  switch (header.type) {
    case 'directory':
      tree.admit(name, 'folder');
      break;
    case 'file':
    case 'contiguous-file': {
      const path = tree.admit(name, 'file');
      tree.demandRoom(name, header.size);
      const parts: Buffer[] = [];
      for await (const part of entry) parts.push(part);
      tree.addFile(path, header.mode, Buffer.concat(parts));
      return;
    }
    case 'symlink':
      tree.addSymlink(tree.admit(name, 'file'), textOf(header.linkname ?? '', header.pax?.linkpath));
      break;
    case 'link':
      tree.addHardLink(tree.admit(name, 'file'), textOf(header.linkname ?? '', header.pax?.linkpath));
      break;
    default:
      throw new ArchiveError('ARCHIVE_UNSAFE_ENTRY', `The archive's entry ${shown(name)} is a ${header.type ?? 'thing of unknown type'}; only files, folders and links are allowed.`);
  }
  for await (const part of entry) void part;
}

/** Extended headers are UTF-8 by their standard and decoded already; others are bytes to be checked. */
function textOf(raw: string, extended: string | undefined): string {
  if (extended !== undefined) return extended;
  try {
    return utf8.decode(Buffer.from(raw, 'latin1'));
  } catch {
    return '\uFFFD';
  }
}
