import { pack } from 'tar-stream';
import { byPath, type SourceFile } from './source-file.js';

/** Where the packed tree shall stand, and who owns it. */
export interface PackOptions {
  /** Folder put before each path, e.g. `function`; its own entry and those of all parents are written too. */
  prefix?: string;
  /** Whether folders get entries of their own: image layers need them, so that their modes are known. */
  folders?: boolean;
}

const EPOCH = new Date(0);

/**
 * Packs files as a tar whose bytes depend on paths, contents and execute bits alone: sorted, owned by 0:0, dated 1970,
 * modes 0644 or 0755.
 */
export async function packTar(files: readonly SourceFile[], options: PackOptions = {}): Promise<Buffer> {
  const prefix = options.prefix ? `${options.prefix}/` : '';
  const entries = files.map((file) => ({ ...file, path: prefix + file.path })).sort(byPath);
  const tar = pack();
  const collected = collect(tar as unknown as AsyncIterable<Uint8Array>);
  const folders = new Set<string>();
  for (const entry of entries) {
    if (options.folders) {
      for (const folder of parents(entry.path)) {
        if (folders.has(folder)) continue;
        folders.add(folder);
        tar.entry({ name: `${folder}/`, type: 'directory', mode: 0o755, mtime: EPOCH, uid: 0, gid: 0 });
      }
    }
    if (entry.type === 'symlink') tar.entry({ name: entry.path, type: 'symlink', linkname: entry.target, mode: 0o777, mtime: EPOCH, uid: 0, gid: 0 });
    else tar.entry({ name: entry.path, mode: entry.mode, mtime: EPOCH, uid: 0, gid: 0, size: entry.content.length }, entry.content);
  }
  tar.finalize();
  return collected;
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

function parents(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
