import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { ArchiveError } from './archive-errors.js';
import { ARCHIVE_LIMITS, inMib, type ArchiveLimits } from './archive-limits.js';
import type { SourceFile } from './source-file.js';
import { SourceTree } from './source-tree.js';
import { packTar } from './tar-packer.js';
import { readTarGz } from './tar-gz-reader.js';
import { readZip } from './zip-reader.js';

export const ARCHIVE_FORMATS = ['tar.gz', 'zip'] as const;
export type ArchiveFormat = (typeof ARCHIVE_FORMATS)[number];

const compress = promisify(gzip);

/**
 * Reads a source archive into memory, sorted by path; nothing is written anywhere. A single top folder is kept as it is.
 * @param format taken from the first bytes when absent
 * @throws {ArchiveError} naming the entry that is unsafe, or the limit that is exceeded
 */
export async function readSourceArchive(bytes: Uint8Array, format?: ArchiveFormat, limits: ArchiveLimits = ARCHIVE_LIMITS): Promise<SourceFile[]> {
  if (bytes.byteLength > limits.packedBytes) {
    throw new ArchiveError('ARCHIVE_TOO_LARGE', `The archive is larger than ${inMib(limits.packedBytes)}.`);
  }
  const found = detectFormat(bytes);
  if (found === undefined || (format !== undefined && format !== found)) {
    throw new ArchiveError('ARCHIVE_UNREADABLE', `The archive is not a ${format ?? 'tar.gz or zip'} file.`);
  }
  const tree = found === 'zip' ? await readZip(bytes, limits) : await readTarGz(bytes, limits);
  return tree.finish();
}

/** The format by its first bytes, or undefined. */
export function detectFormat(bytes: Uint8Array): ArchiveFormat | undefined {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'tar.gz';
  // A local header, or the end record of a zip without entries.
  if (bytes[0] === 0x50 && bytes[1] === 0x4b && ((bytes[2] === 3 && bytes[3] === 4) || (bytes[2] === 5 && bytes[3] === 6))) return 'zip';
  return undefined;
}

/**
 * Checks inline source, `{ "handler.py": "..." }`, by the rules of archives.
 * @throws {ArchiveError}
 */
export function inlineSource(files: Readonly<Record<string, string>>, limits: ArchiveLimits = ARCHIVE_LIMITS): SourceFile[] {
  const tree = new SourceTree(limits);
  for (const [name, text] of Object.entries(files)) tree.addFile(tree.admit(name, 'file'), 0o644, Buffer.from(text));
  return tree.finish();
}

/** Packs a tree as tar.gz; the same files always give the same bytes. */
export async function buildArchive(files: readonly SourceFile[] | Readonly<Record<string, string>>): Promise<Buffer> {
  return compress(await packTar(Array.isArray(files) ? (files as SourceFile[]) : inlineSource(files as Record<string, string>)), { level: 6 });
}

/** Lower-case hex SHA-256: what an uploaded archive is kept and referred to by. */
export function archiveDigest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
