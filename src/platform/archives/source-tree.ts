import { ArchiveError, shown } from './archive-errors.js';
import { ARCHIVE_LIMITS, inMib, type ArchiveLimits } from './archive-limits.js';
import { byPath, normalMode, type SourceContent, type SourceFile } from './source-file.js';
import { followLink, safePath, targetProblem } from './source-paths.policy.js';

/**
 * Collects the entries of one archive and refuses the first that is unsafe or too much. Readers ask
 * {@link SourceTree.admit} before they read an entry's content, so that a lie in a header costs nothing.
 */
export class SourceTree {
  private readonly files = new Map<string, SourceFile>();
  private readonly links = new Map<string, string>();
  /** Case-folded path -> what stands there: two systems must not see two different trees. */
  private readonly kinds = new Map<string, { kind: 'file' | 'folder'; path: string }>();
  private entries = 0;
  private bytes = 0;

  constructor(private readonly limits: ArchiveLimits = ARCHIVE_LIMITS) {}

  /**
   * Admits an entry by its name, before its content is read.
   * @returns its path; '' for the root folder, which needs no more.
   */
  admit(name: string, kind: 'file' | 'folder'): string {
    this.entries += 1;
    if (this.entries > this.limits.entries) {
      throw new ArchiveError('ARCHIVE_TOO_MANY_ENTRIES', `The archive has more than ${this.limits.entries} entries.`);
    }
    const path = safePath(name, this.limits);
    if (path === '') {
      if (kind === 'file') throw new ArchiveError('ARCHIVE_UNSAFE_PATH', 'The archive has a file without a name.');
      return path;
    }
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth += 1) this.place(parts.slice(0, depth).join('/'), 'folder');
    this.place(path, kind);
    return path;
  }

  /** Room left for content; a reader aborts as soon as it is exceeded. */
  get room(): number {
    return this.limits.unpackedBytes - this.bytes;
  }

  /** @throws {ArchiveError} ARCHIVE_TOO_LARGE when `size` more bytes would not fit. */
  demandRoom(name: string, size: number): void {
    if (size <= this.room) return;
    throw new ArchiveError('ARCHIVE_TOO_LARGE', `The archive unpacks to more than ${inMib(this.limits.unpackedBytes)}: entry ${shown(name)} no longer fits.`);
  }

  addFile(path: string, mode: number, content: Buffer): void {
    this.demandRoom(path, content.length);
    this.bytes += content.length;
    this.files.set(path, { type: 'file', path, mode: normalMode(mode), content });
  }

  addSymlink(path: string, target: string): void {
    const problem = targetProblem(target, this.limits);
    if (problem) throw new ArchiveError('ARCHIVE_LINK_OUT', `The archive's link ${shown(path)} ${problem}.`);
    this.links.set(path, target);
    this.files.set(path, { type: 'symlink', path, target });
  }

  /** A hard link becomes a copy of the file it names, which must have come before it. */
  addHardLink(path: string, targetName: string): void {
    const refuse = (why: string): never => {
      throw new ArchiveError('ARCHIVE_LINK_OUT', `The archive's hard link ${shown(path)} ${why}.`);
    };
    let target = '';
    try {
      target = safePath(targetName, this.limits);
    } catch {
      refuse('leads out of the archive');
    }
    const file = this.files.get(target);
    if (file?.type !== 'file') return refuse(`names ${shown(targetName)}, which is not a file before it in the archive`);
    this.addFile(path, (file as SourceContent).mode, file.content);
  }

  /** The whole tree, sorted by path, once every link is known to stay inside. */
  finish(): SourceFile[] {
    if (this.files.size === 0) throw new ArchiveError('ARCHIVE_EMPTY', 'The archive holds no files.');
    for (const path of this.links.keys()) {
      const followed = followLink(path, this.links);
      if ('refused' in followed) throw new ArchiveError('ARCHIVE_LINK_OUT', `The archive's link ${shown(path)} ${followed.refused}.`);
    }
    return [...this.files.values()].sort(byPath);
  }

  private place(path: string, kind: 'file' | 'folder'): void {
    const key = path.toLowerCase();
    const there = this.kinds.get(key);
    if (there === undefined) {
      this.kinds.set(key, { kind, path });
      return;
    }
    if (there.kind === 'folder' && kind === 'folder') return;
    if (there.kind === kind && there.path !== path) {
      // `a.py` beside `A.py` is legal where functions run, and neither stands in for the other.
      if (this.files.has(path)) throw this.twice(path);
      return;
    }
    if (there.kind === kind) throw this.twice(path);
    throw new ArchiveError('ARCHIVE_DUPLICATE_PATH', `The archive's entry ${shown(path)} is a ${kind}, but ${shown(there.path)} is a ${there.kind}.`);
  }

  private twice(path: string): ArchiveError {
    return new ArchiveError('ARCHIVE_DUPLICATE_PATH', `The archive has the entry ${shown(path)} twice.`);
  }
}
