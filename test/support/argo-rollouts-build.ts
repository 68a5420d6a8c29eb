import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ARGO_ROLLOUTS, ensureBinary } from '../../deploy/local/cluster/builds.ts';
import { cacheFolder, checkout } from '../../deploy/local/cluster/layout.ts';
import type { Progress } from '../../deploy/local/cluster/progress.ts';

const run = promisify(execFile);
const MODULE = 'github.com/argoproj/argo-rollouts';

/** Controller and definitions of Argo Rollouts, built once into the cache folder. @returns variables that tell suites where they are */
export async function ensureArgoRollouts(progress: Progress, signal?: AbortSignal): Promise<Record<string, string>> {
  const controller = await ensureBinary(cacheFolder(), ARGO_ROLLOUTS, progress, signal);
  const { stdout } = await run('go', ['mod', 'download', '-json', MODULE], { cwd: join(checkout, ARGO_ROLLOUTS.module), env: { ...process.env, GOWORK: 'off' }, timeout: 120_000 });
  return { FNPLANE_TEST_ARGO_CONTROLLER: controller, FNPLANE_TEST_ARGO_MANIFESTS: join((JSON.parse(stdout) as { Dir: string }).Dir, 'manifests') };
}
