/** Layers and images kept in a folder as an OCI layout, so that an empty registry is filled without building anything. */
import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { DigestStream } from './digest-stream.ts';

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
export const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
export const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip';
const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
const REF_NAME = 'org.opencontainers.image.ref.name';

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

/** A gzipped layer and the digest of the tar inside it, which the image's configuration names. */
export interface Layer extends Descriptor {
  diffId: string;
}

export interface Manifest {
  schemaVersion: 2;
  mediaType: string;
  config: Descriptor;
  layers: Descriptor[];
}

async function readJson<T>(file: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T;
  } catch {
    return null;
  }
}

export class ImageStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  blobFile(digest: string): string {
    return join(this.#folder, 'blobs', digest.replace(':', '/'));
  }

  readBlob(digest: string): Promise<Buffer> {
    return readFile(this.blobFile(digest));
  }

  async #has(blob: Descriptor): Promise<boolean> {
    const found = await stat(this.blobFile(blob.digest)).catch(() => null);
    return found?.size === blob.size;
  }

  /** Writes through a scratch file, so that nobody ever sees half of one. */
  async #writeWhole(file: string, content: Buffer | string): Promise<void> {
    await mkdir(dirname(file), { recursive: true });
    const scratch = `${file}.${randomUUID()}`;
    await writeFile(scratch, content);
    await rename(scratch, file);
  }

  async #addBlob(mediaType: string, value: unknown): Promise<Descriptor> {
    const content = Buffer.from(JSON.stringify(value));
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    await this.#writeWhole(this.blobFile(digest), content);
    return { mediaType, digest, size: content.length };
  }

  /** The layer an earlier run made from the same inputs, if its blob is still whole. */
  async findLayer(recipeHash: string): Promise<Layer | null> {
    const layer = await readJson<Layer>(join(this.#folder, 'layers', `${recipeHash}.json`));
    return layer && (await this.#has(layer)) ? layer : null;
  }

  /** Packs `root` so that equal files give equal bytes: names sorted, times 0, owner root, modes from the executable bit. */
  async addLayer(recipeHash: string, root: string): Promise<Layer> {
    await mkdir(join(this.#folder, 'blobs/sha256'), { recursive: true });
    const scratch = join(this.#folder, 'blobs', `layer-${randomUUID()}`);
    const tar = spawn(
      'tar',
      ['-c', '--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX', '--format=gnu', '-C', root, '-f', '-', '.'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const ended = new Promise<number | null>((resolve, reject) => tar.on('error', reject).on('close', resolve));
    const plain = new DigestStream();
    const packed = new DigestStream();
    try {
      await pipeline(tar.stdout, plain, createGzip({ level: 6 }), packed, createWriteStream(scratch));
      if ((await ended) !== 0) throw new Error(`tar could not pack ${root}`);
      const layer: Layer = { mediaType: LAYER_TYPE, digest: packed.digest, size: packed.size, diffId: plain.digest };
      await rename(scratch, this.blobFile(layer.digest));
      await this.#writeWhole(join(this.#folder, 'layers', `${recipeHash}.json`), JSON.stringify(layer));
      return layer;
    } finally {
      await rm(scratch, { force: true });
    }
  }

  async #index(): Promise<{ schemaVersion: 2; mediaType: string; manifests: Descriptor[] }> {
    return (await readJson(join(this.#folder, 'index.json'))) ?? { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [] };
  }

  /** Manifest of the image kept under `name`, if all of its blobs are still there. */
  async findImage(name: string): Promise<{ descriptor: Descriptor; manifest: Manifest } | null> {
    const descriptor = (await this.#index()).manifests.find((one) => one.annotations?.[REF_NAME] === name);
    if (!descriptor || !(await this.#has(descriptor))) return null;
    const manifest = JSON.parse((await this.readBlob(descriptor.digest)).toString()) as Manifest;
    for (const blob of [manifest.config, ...manifest.layers]) if (!(await this.#has(blob))) return null;
    return { descriptor, manifest };
  }

  /** Makes an image of `layers` and keeps it under `name`. Times in it are 0, so that the same inputs give the same digest. */
  async addImage(name: string, layers: Layer[], config: Record<string, unknown>): Promise<{ descriptor: Descriptor; manifest: Manifest }> {
    const configBlob = await this.#addBlob(CONFIG_TYPE, {
      created: '1970-01-01T00:00:00Z',
      architecture: 'amd64',
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    });
    const manifest: Manifest = {
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: configBlob,
      layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    };
    const descriptor = { ...(await this.#addBlob(MANIFEST_TYPE, manifest)), annotations: { [REF_NAME]: name } };
    const index = await this.#index();
    index.manifests = [...index.manifests.filter((one) => one.annotations?.[REF_NAME] !== name), descriptor];
    await this.#writeWhole(join(this.#folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    await this.#writeWhole(join(this.#folder, 'index.json'), JSON.stringify(index, null, 1));
    return { descriptor, manifest };
  }
}
