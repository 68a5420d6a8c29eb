import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkout } from './cluster/layout.ts';

interface Compiled {
  RegistryClient: new (options: { url: string }) => { close(): Promise<void> };
  SourceBuilder: new (options: object) => { warm(signal?: AbortSignal): Promise<void> };
}

/** Expected time of the first run on two cores; later ones find the cache. */
export const WARM_EXPECTED_MS = 25_000;

/**
 * Compiles Go's standard library into a worker's build cache before the worker starts, beside whatever else takes time,
 * so that the first function in Go need not wait for it. Uses the platform's own compiled code.
 */
export async function warmBuilds(cacheDir: string, signal?: AbortSignal): Promise<void> {
  const images = join(checkout, 'dist/src/platform/images');
  const { RegistryClient } = (await import(join(images, 'registry-client.js'))) as Pick<Compiled, 'RegistryClient'>;
  const { SourceBuilder } = (await import(join(images, 'source-builder.js'))) as Pick<Compiled, 'SourceBuilder'>;
  // Nothing is asked of the registry: warming builds no image.
  const registry = new RegistryClient({ url: 'http://127.0.0.1:1' });
  try {
    const goSdkDir = fileURLToPath(new URL('../runtimes/go', import.meta.url));
    await new SourceBuilder({ registry, runtimeImages: { python: '', node: '', go: '' }, cacheDir, goSdkDir }).warm(signal);
  } finally {
    await registry.close();
  }
}
