import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createGzip } from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { parse } from 'yaml';

const LEFT_OUT = new Set(['node_modules', '.git']);

/** A function's folder as a tar.gz, and the fields its `function.yaml` gives the API. The same folder gives the same bytes. */
export async function packFolder(folder: string): Promise<{ archive: Buffer; manifest: Record<string, unknown> }> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((name) => !name.split('/').some((part) => LEFT_OUT.has(part))).sort();
  const tar = pack();
  for (const name of names) tar.entry({ name, mtime: new Date(0), mode: 0o644 }, await readFile(join(folder, name)));
  tar.finalize();
  const { apiVersion, version: _, ...manifest } = parse(await readFile(join(folder, 'function.yaml'), 'utf8')) as Record<string, unknown>;
  if (apiVersion !== 'fnplane.dev/v1') throw new Error(`${folder}/function.yaml is not of fnplane.dev/v1`);
  return { archive: await buffer(tar.pipe(createGzip())), manifest };
}
