import type { SourceFile } from '../archives/source-file.js';
import type { BaseImage } from './base-images.js';
import { changedConfig, changedManifest } from './image-changes.policy.js';
import type { Descriptor, ImageConfigChanges } from './image-documents.js';
import { ImageError } from './image-errors.js';
import { buildLayer, type ImageLayer } from './image-layer.js';
import { formatImageReference } from './image-reference.js';
import { digestOf, type RegistryClient } from './registry-client.js';

const BLOB_LIMIT = 512 * 1024 * 1024;

export interface AppendRequest {
  base: BaseImage;
  /** Repository in the same registry that the new image goes to. */
  repository: string;
  files: readonly SourceFile[];
  /** Folder of the image that the files are put below. */
  folder: string;
  changes?: ImageConfigChanges;
  /** Name to find the image again by, beside its digest. */
  tag?: string;
  signal?: AbortSignal;
}

export interface PushedImage {
  /** `host/repository@sha256:...`, with the host nodes pull from. */
  reference: string;
  digest: string;
  /** Compressed size of all layers and the configuration: what a node without any of them fetches. */
  sizeBytes: number;
  layerDigest: string;
}

/**
 * Makes an image of a base and one layer of files, without a build daemon: the base's blobs are mounted, the layer, the
 * configuration and the manifest uploaded. The same base, files and changes give the same digest.
 */
export async function appendLayer(registry: RegistryClient, request: AppendRequest): Promise<PushedImage> {
  const { base, repository, signal } = request;
  const layer = await buildLayer(request.files, request.folder);
  const config = Buffer.from(JSON.stringify(changedConfig(base.config, layer.diffId, request.changes ?? {})));
  const configDigest = digestOf(config);
  const uploads = [
    ...base.manifest.layers.map((blob) => provideBlob(registry, repository, blob, base.repository, signal)),
    registry.uploadBlob(repository, layer.digest, layer.packed, signal),
    registry.uploadBlob(repository, configDigest, config, signal),
  ];
  // All settle before one is reported: no upload is left running behind a failed build.
  const failed = (await Promise.allSettled(uploads)).find((upload) => upload.status === 'rejected');
  if (failed) throw failed.reason;
  return pushManifest(registry, request, layer, { mediaType: base.manifest.config.mediaType, digest: configDigest, size: config.length });
}

async function pushManifest(registry: RegistryClient, request: AppendRequest, layer: ImageLayer, config: Descriptor): Promise<PushedImage> {
  const { base, repository, tag, signal } = request;
  const manifest = changedManifest(base.manifest, base.mediaType, base.digest, config, { digest: layer.digest, size: layer.packed.length });
  const digest = await registry.putManifest(repository, Buffer.from(JSON.stringify(manifest)), base.mediaType, tag, signal);
  return {
    reference: formatImageReference({ registry: registry.pullHost, repository, digest }),
    digest,
    sizeBytes: manifest.layers.reduce((sum, blob) => sum + blob.size, config.size),
    layerDigest: layer.digest,
  };
}

/** Mounts a base's blob; registries that do not mount get it by way of this process. */
async function provideBlob(registry: RegistryClient, repository: string, blob: Descriptor, from: string, signal?: AbortSignal): Promise<void> {
  if (repository === from || (await registry.mountBlob(repository, blob.digest, from, signal))) return;
  if (await registry.hasBlob(repository, blob.digest, signal)) return;
  const bytes = await registry.getBlob(from, blob.digest, BLOB_LIMIT, signal);
  if (bytes === null) throw new ImageError('IMAGE_NOT_FOUND', `The base image ${from} lacks its layer ${blob.digest}.`);
  await registry.uploadBlob(repository, blob.digest, bytes, signal);
}
