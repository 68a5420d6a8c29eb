import type { Descriptor, ImageConfig, ImageConfigChanges, ImageManifest } from './image-documents.js';
import { MEDIA_TYPE } from './media-types.js';

/** Images are dated like their files: a clock would give the same code two digests. */
const CREATED = '1970-01-01T00:00:00Z';

/** The base's configuration with one more layer and the changes. */
export function changedConfig(base: ImageConfig, diffId: string, changes: ImageConfigChanges): ImageConfig {
  const config = { ...base.config };
  if (changes.env) config.Env = mergedEnv(config.Env ?? [], changes.env);
  if (changes.labels) config.Labels = { ...config.Labels, ...changes.labels };
  if (changes.entrypoint) config.Entrypoint = [...changes.entrypoint];
  if (changes.cmd) config.Cmd = [...changes.cmd];
  if (changes.workingDir !== undefined) config.WorkingDir = changes.workingDir;
  if (changes.user !== undefined) config.User = changes.user;
  const result: ImageConfig = { ...base, created: CREATED, config, rootfs: { type: 'layers', diff_ids: [...base.rootfs.diff_ids, diffId] } };
  // History is all or nothing: with a part of it missing, readers match the wrong entries to layers.
  if (base.history) result.history = [...base.history, { created: CREATED, created_by: 'fnplane', comment: 'function code' }];
  return result;
}

function mergedEnv(base: readonly string[], changes: Readonly<Record<string, string>>): string[] {
  const kept = base.filter((line) => !(line.split('=', 1)[0]! in changes));
  return [...kept, ...Object.entries(changes).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}=${value}`)];
}

/** The base's manifest with the new configuration and one more layer, in the base's own dialect (OCI or Docker). */
export function changedManifest(base: ImageManifest, mediaType: string, baseDigest: string, config: Descriptor, layer: Omit<Descriptor, 'mediaType'>): ImageManifest {
  const oci = mediaType === MEDIA_TYPE.ociManifest;
  const result: ImageManifest = {
    schemaVersion: 2,
    mediaType,
    config,
    layers: [...base.layers, { mediaType: oci ? MEDIA_TYPE.ociLayer : MEDIA_TYPE.dockerLayer, ...layer }],
  };
  if (oci) result.annotations = { ...base.annotations, 'org.opencontainers.image.base.digest': baseDigest };
  return result;
}
