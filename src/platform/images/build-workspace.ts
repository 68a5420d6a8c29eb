import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { byPath, normalMode, type SourceFile } from '../archives/source-file.js';
import { makeSandboxFolder } from '../sandbox/sandbox.js';
import { BuildError } from './build-errors.js';
import type { BuildLimits } from './source-build.js';

const STALE_AFTER_MS = 3_600_000;

/** A folder of its own for one build, gone when the build is over. */
export class BuildWorkspace {
  private constructor(readonly path: string) {}

  /** Runs `work` with a new workspace below `root` and removes it whatever happens. */
  static async use<T>(root: string, work: (workspace: BuildWorkspace) => Promise<T>): Promise<T> {
    const workspace = new BuildWorkspace(join(root, randomUUID()));
    await mkdir(workspace.path, { recursive: true, mode: 0o755 });
    try {
      return await work(workspace);
    } finally {
      await rm(workspace.path, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  /** Removes what a process that was killed left behind. */
  static async removeStale(root: string): Promise<void> {
    for (const name of await readdir(root).catch(() => [])) {
      const state = await stat(join(root, name)).catch(() => undefined);
      if (state && Date.now() - state.mtimeMs > STALE_AFTER_MS) await rm(join(root, name), { recursive: true, force: true });
    }
  }

  /** An empty folder that sandboxed commands may write to. */
  async writableFolder(name: string): Promise<string> {
    const path = join(this.path, name);
    await makeSandboxFolder(path);
    return path;
  }

  /** A folder with files in it. They were checked when they were read: no path leads out, none goes through a link. */
  async folderWith(name: string, files: readonly SourceFile[]): Promise<string> {
    const root = join(this.path, name);
    await mkdir(root, { recursive: true });
    const made = new Set<string>();
    for (const file of files) {
      const path = join(root, file.path);
      if (!made.has(dirname(path))) await mkdir(dirname(path), { recursive: true });
      made.add(dirname(path));
      if (file.type === 'symlink') await symlink(file.target, path);
      else await writeFile(path, file.content, { flag: 'wx', mode: file.mode });
    }
    return root;
  }
}

/** Bounds of what a tool may have left in a folder. */
export type ReadLimits = Pick<BuildLimits, 'imageBytes' | 'imageFiles'>;

/**
 * Reads a folder that a tool wrote, following no link. Links that lead out of the folder are left behind.
 * @param skip folders and files that are not taken, by their name
 * @throws {BuildError} BUILD_TOO_LARGE
 */
export async function readFolder(root: string, limits: ReadLimits, skip: ReadonlySet<string> = new Set()): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  let bytes = 0;
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      if (skip.has(entry.name)) continue;
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        await walk(path);
        continue;
      }
      if (files.length >= limits.imageFiles) throw new BuildError('BUILD_TOO_LARGE', `The function with its dependencies has more than ${limits.imageFiles} files.`);
      if (entry.isSymbolicLink()) {
        const target = await readlink(join(root, path));
        if (!target.startsWith('/') && !posix.join(dirname(path), target).startsWith('..')) files.push({ type: 'symlink', path, target });
        continue;
      }
      if (!entry.isFile()) continue;
      const { size, mode } = await stat(join(root, path));
      bytes += size;
      demandImageRoom(bytes, limits);
      files.push({ type: 'file', path, mode: normalMode(mode), content: await readFile(join(root, path)) });
    }
  };
  await walk('');
  return files.sort(byPath);
}

/** @throws {BuildError} BUILD_TOO_LARGE */
export function demandImageRoom(bytes: number, limits: ReadLimits): void {
  if (bytes <= limits.imageBytes) return;
  throw new BuildError('BUILD_TOO_LARGE', `The function with its dependencies is larger than ${Math.floor(limits.imageBytes / 1024 / 1024)} MiB.`);
}
