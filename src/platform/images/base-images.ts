import { BoundedCache } from '../caching/bounded-cache.js';
import type { ImageConfig, ImageIndex, ImageManifest } from './image-documents.js';
import { ImageError } from './image-errors.js';
import { parseImageReference } from './image-reference.js';
import { MEDIA_TYPE } from './media-types.js';
import type { Manifest, RegistryClient } from './registry-client.js';

const MIB = 1024 * 1024;
const KEPT = 32;
const KEPT_FOR_MS = 3_600_000;
const CONFIG_LIMIT = 8 * MIB;

export interface ImagePlatform {
  os: string;
  architecture: string;
}

export const DEFAULT_PLATFORM: ImagePlatform = { os: 'linux', architecture: 'amd64' };

/** An image to build upon, of one platform. */
export interface BaseImage {
  repository: string;
  digest: string;
  mediaType: string;
  manifest: ImageManifest;
  config: ImageConfig;
}

/** Reads base images from a registry and keeps the latest: what a digest names never changes. */
export class BaseImages {
  private readonly kept = new BoundedCache<string, BaseImage>(KEPT, KEPT_FOR_MS);

  constructor(private readonly registry: RegistryClient) {}

  /**
   * @param reference in this registry, by digest or tag; an index is narrowed to `platform`
   * @throws {ImageError} IMAGE_NOT_FOUND, IMAGE_UNSUPPORTED, IMAGE_REFERENCE_INVALID
   */
  async resolve(reference: string, platform: ImagePlatform = DEFAULT_PLATFORM, signal?: AbortSignal): Promise<BaseImage> {
    const { registry, repository, tag, digest } = parseImageReference(reference);
    if (!this.registry.owns(registry)) {
      throw new ImageError('IMAGE_REFERENCE_INVALID', `The base image ${reference} must be in the registry that images are pushed to, ${this.registry.pullHost}.`);
    }
    const known = digest ?? (await this.registry.headManifest(repository, tag!, signal))?.digest;
    if (known === undefined) throw missing(reference);
    const key = `${repository}@${known} ${platform.os}/${platform.architecture}`;
    const present = this.kept.get(key);
    if (present) return present;
    const found = await this.read(repository, known, platform, reference, signal);
    this.kept.set(key, found);
    return found;
  }

  private async read(repository: string, digest: string, platform: ImagePlatform, reference: string, signal?: AbortSignal): Promise<BaseImage> {
    let document: Manifest | null = await this.registry.getManifest(repository, digest, signal);
    if (document === null) throw missing(reference);
    if (document.mediaType === MEDIA_TYPE.ociIndex || document.mediaType === MEDIA_TYPE.dockerIndex) {
      const index = JSON.parse(document.bytes.toString('utf8')) as ImageIndex;
      const fitting = index.manifests.find((entry) => entry.platform?.os === platform.os && entry.platform.architecture === platform.architecture);
      if (!fitting) throw new ImageError('IMAGE_UNSUPPORTED', `The image ${reference} has no variant for ${platform.os}/${platform.architecture}.`);
      document = await this.registry.getManifest(repository, fitting.digest, signal);
      if (document === null) throw missing(reference);
    }
    if (document.mediaType !== MEDIA_TYPE.ociManifest && document.mediaType !== MEDIA_TYPE.dockerManifest) {
      throw new ImageError('IMAGE_UNSUPPORTED', `The image ${reference} has a manifest of the unknown type ${document.mediaType}.`);
    }
    const manifest = JSON.parse(document.bytes.toString('utf8')) as ImageManifest;
    const config = await this.registry.getBlob(repository, manifest.config.digest, CONFIG_LIMIT, signal);
    if (config === null) throw missing(reference);
    return {
      repository, digest: document.digest, mediaType: document.mediaType, manifest, config: JSON.parse(config.toString('utf8')) as ImageConfig,
    };
  }
}

function missing(reference: string): ImageError {
  return new ImageError('IMAGE_NOT_FOUND', `The image ${reference} does not exist in its registry.`);
}
