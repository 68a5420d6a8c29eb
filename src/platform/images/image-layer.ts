import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { packTar } from '../archives/tar-packer.js';
import type { SourceFile } from '../archives/source-file.js';
import { digestOf } from './registry-client.js';

const compress = promisify(gzip);
/** Fast: on compiled code the next levels save a tenth of the bytes for twice the time. */
const LEVEL = 3;

export interface ImageLayer {
  /** The gzip'd tar, its digest and that of the tar itself. */
  packed: Buffer;
  digest: string;
  diffId: string;
}

/**
 * One image layer with files below `folder`. The same files give the same bytes: sorted, owned by root, dated 1970,
 * modes 0644 and 0755, an entry for every folder on the way.
 */
export async function buildLayer(files: readonly SourceFile[], folder: string): Promise<ImageLayer> {
  const tar = await packTar(files, { prefix: folder.replace(/^\/+|\/+$/g, ''), folders: true });
  const packed = await compress(tar, { level: LEVEL });
  return { packed, digest: digestOf(packed), diffId: digestOf(tar) };
}
