import { ensureBinary } from '../../deploy/local/cluster/builds.ts';
import { cacheFolder } from '../../deploy/local/cluster/layout.ts';
import type { Progress } from '../../deploy/local/cluster/progress.ts';

/** A server of AWS KMS's protocol for tests, built once into the cache folder. @returns its path */
export function ensureLocalKms(progress: Progress, signal?: AbortSignal): Promise<string> {
  return ensureBinary(cacheFolder(), { name: 'local-kms', module: 'test/support/local-kms', package: '.', ldflags: '-s -w', expectedMs: 40_000 }, progress, signal);
}
