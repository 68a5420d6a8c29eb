import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { BoundedCache } from '../../platform/caching/bounded-cache.js';
import type { ImageManifest } from '../../platform/images/image-documents.js';
import { parseImageReference } from '../../platform/images/image-reference.js';
import type { RegistryClient } from '../../platform/images/registry-client.js';
import { ByteCache } from './byte-cache.js';

const unpack = promisify(gunzip);
const MANIFESTS_KEPT = 2_000;
const KEPT_MS = 3_600_000;

/** As much of a registry as is read. */
export type ImageSource = Pick<RegistryClient, 'owns' | 'getManifest' | 'getBlob'>;

/**
 * The code of functions as plain tars, from the registry. They are sent to the pods by the operator rather than fetched by them: a
 * tenant's pod reaches no registry and holds no credential for one, an operator that has sent a layer once has it in memory, and
 * unpacking gzip would cost a pod with a tenth of a core more than reading twice the bytes.
 */
export class CodeLayers {
  private readonly layers: ByteCache;
  private readonly manifests = new BoundedCache<string, ImageManifest>(MANIFESTS_KEPT, KEPT_MS);
  private readonly fetching = new Map<string, Promise<Buffer | undefined>>();
  /** Layers that are too large: what a digest names never changes. */
  private readonly tooLarge = new BoundedCache<string, true>(MANIFESTS_KEPT, KEPT_MS);

  constructor(private readonly registry: ImageSource, cacheBytes: number) {
    this.layers = new ByteCache(cacheBytes);
  }

  /**
   * @returns the code layer of `image` as a plain tar of at most `limit` bytes; undefined where the image does not stand on exactly
   *   `base`, is larger, or is of another registry
   * @throws {ImageError} REGISTRY_UNAVAILABLE, REGISTRY_REFUSED
   */
  async get(image: string, base: string, limit: number): Promise<Buffer | undefined> {
    const [mine, bases] = await Promise.all([this.manifest(image), this.manifest(base)]);
    const code = mine?.layers.at(-1);
    if (!mine || !bases || !code || mine.layers.length !== bases.layers.length + 1) return undefined;
    if (!bases.layers.every(({ digest }, index) => digest === mine.layers[index]?.digest)) return undefined;
    const present = this.layers.get(code.digest);
    if (present) return present.length <= limit ? present : undefined;
    if (code.size > limit || this.tooLarge.get(code.digest)) return undefined;
    return this.fetch(parseImageReference(image).repository, code.digest, limit);
  }

  /** Those who ask at once share one transfer; it is not ended when one of them gives up. */
  private fetch(repository: string, digest: string, limit: number): Promise<Buffer | undefined> {
    const key = `${repository}@${digest}`;
    const under = this.fetching.get(key);
    if (under) return under;
    const fetched = this.read(repository, digest, limit).finally(() => this.fetching.delete(key));
    this.fetching.set(key, fetched);
    return fetched;
  }

  private async read(repository: string, digest: string, limit: number): Promise<Buffer | undefined> {
    const packed = await this.registry.getBlob(repository, digest, limit);
    if (packed === null) return undefined;
    const tar = isGzip(packed) ? await unpack(packed, { maxOutputLength: limit }).catch(() => undefined) : packed;
    if (tar) this.layers.set(digest, tar);
    else this.tooLarge.set(digest, true);
    return tar;
  }

  private async manifest(image: string): Promise<ImageManifest | undefined> {
    const present = this.manifests.get(image);
    if (present) return present;
    const { registry, repository, digest } = parseImageReference(image);
    if (!digest || !this.registry.owns(registry)) return undefined;
    const found = await this.registry.getManifest(repository, digest);
    if (!found) return undefined;
    const manifest = JSON.parse(found.bytes.toString('utf8')) as ImageManifest;
    if (!Array.isArray(manifest.layers)) return undefined;
    this.manifests.set(image, manifest);
    return manifest;
  }
}

function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}
