/** Takes the runtime base from a registry into buildah's storage. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../local/cluster/command.ts';
import type { Buildah } from './buildah.ts';

interface Descriptor {
  digest: string;
  size: number;
}

const json = async <T>(file: string): Promise<T> => JSON.parse(await readFile(file, 'utf8')) as T;

/** A registry on loopback speaks plain http. */
export function verifyTls(reference: string): string {
  return `--tls-verify=${/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?\//.test(reference) ? 'false' : 'true'}`;
}

/**
 * An image's history is optional, and one made without a build daemon often has none; buildah builds only on images whose
 * history has an entry for each layer. Layers stay as they are.
 */
async function completeHistory(layout: string): Promise<void> {
  const blob = (digest: string): string => join(layout, 'blobs', digest.replace(':', '/'));
  const put = async (value: unknown): Promise<Descriptor> => {
    const content = JSON.stringify(value);
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    await writeFile(blob(digest), content);
    return { digest, size: Buffer.byteLength(content) };
  };
  const index = await json<{ manifests: [Descriptor] }>(join(layout, 'index.json'));
  const manifest = await json<{ config: Descriptor }>(blob(index.manifests[0].digest));
  const config = await json<{ created?: string; history?: unknown[]; rootfs: { diff_ids: string[] } }>(blob(manifest.config.digest));
  if (config.history?.length) return;
  config.history = config.rootfs.diff_ids.map(() => ({ created: config.created ?? '1970-01-01T00:00:00Z', created_by: 'base layer' }));
  Object.assign(manifest.config, await put(config));
  Object.assign(index.manifests[0], await put(manifest));
  await writeFile(join(layout, 'index.json'), JSON.stringify(index));
}

/**
 * Makes sure the storage has `reference` (by digest), under a name that a Dockerfile can stand on.
 * @returns that name
 */
export async function importNodeBase(buildah: Buildah, reference: string, scratch: string): Promise<string> {
  const [, digest] = /@sha256:([0-9a-f]{64})$/.exec(reference) ?? [];
  if (!digest) throw new Error(`${reference} does not name its image by digest`);
  const name = `localhost/fnplane/runtime-base:${digest.slice(0, 32)}`;
  if (await buildah.find(name)) return name;
  const work = await mkdtemp(join(scratch, 'base-'));
  try {
    const layout = join(work, 'layout');
    await run('skopeo', ['copy', '--quiet', '--insecure-policy', `--src-${verifyTls(reference).slice(2)}`, `docker://${reference}`, `oci:${layout}`], { timeoutMs: 300_000 });
    await completeHistory(layout);
    await run('skopeo', ['copy', '--quiet', '--insecure-policy', `oci:${layout}`, buildah.storageReference(name)], { timeoutMs: 300_000 });
    return name;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
