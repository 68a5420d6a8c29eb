import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join, relative } from 'node:path';
import { attempt } from './command.ts';
import { checkout } from './layout.ts';
import { takeLock } from './lock.ts';
import type { Progress } from './progress.ts';
import { KUBERNETES_VERSION } from './settings.ts';

/** How an executable is built. */
export interface Recipe {
  readonly name: string;
  /** The Go module's folder in the checkout. */
  readonly module: string;
  readonly package: string;
  readonly ldflags: string;
  readonly expectedMs: number;
}

const version = 'k8s.io/component-base/version';
const KUBERNETES_FLAGS = `-s -w -X ${version}.gitVersion=${KUBERNETES_VERSION} -X ${version}.gitMajor=1 -X ${version}.gitMinor=34 -X ${version}.gitTreeState=clean`;
const KUBELOCAL = 'deploy/local/kubelocal';

/** The enforcer is an executable of its own so that a change to it does not cost the build of all of Kubernetes. */
const RECIPES = {
  kubernetes: { name: 'kubelocal', module: KUBELOCAL, package: '.', ldflags: KUBERNETES_FLAGS, expectedMs: 560_000 },
  networkPolicy: { name: 'network-policy', module: KUBELOCAL, package: './networkpolicy/enforcer', ldflags: '-s -w', expectedMs: 60_000 },
  policyPlugin: { name: 'fnplane-policy', module: KUBELOCAL, package: './networkpolicy/plugin', ldflags: '-s -w', expectedMs: 10_000 },
  pause: { name: 'pause', module: KUBELOCAL, package: './pause', ldflags: '-s -w', expectedMs: 5_000 },
  coredns: { name: 'coredns', module: 'deploy/local/coredns', package: '.', ldflags: '-s -w', expectedMs: 120_000 },
} satisfies Record<string, Recipe>;

/** What a second control plane is made of: Kubernetes from the same executable, and nodes that are only simulated. */
export const KUBERNETES: Recipe = RECIPES.kubernetes;
export const KWOK: Recipe = { name: 'kwok', module: 'deploy/local/kwok', package: 'sigs.k8s.io/kwok/cmd/kwok', ldflags: '-s -w', expectedMs: 120_000 };

/** What measures pods for autoscalers by CPU; for tests alone. */
export const METRICS_SERVER: Recipe = { name: 'metrics-server', module: 'deploy/local/metrics-server', package: 'sigs.k8s.io/metrics-server/cmd/metrics-server', ldflags: '-s -w', expectedMs: 180_000 };

/** The controller of Argo Rollouts, whose module brings its definitions too. */
export const ARGO_ROLLOUTS: Recipe = {
  name: 'rollouts-controller', module: 'deploy/local/argo-rollouts', package: 'github.com/argoproj/argo-rollouts/cmd/rollouts-controller', ldflags: '-s -w', expectedMs: 270_000,
};

/** An implementation of Ingress and the Gateway API, for tests of the way in. */
export const TRAEFIK: Recipe = { name: 'traefik', module: 'deploy/local/traefik', package: 'github.com/traefik/traefik/v3/cmd/traefik', ldflags: '-s -w', expectedMs: 480_000 };

export type Binaries = Record<keyof typeof RECIPES, string>;

/** Hashes everything a build depends on: the module's list of versions, and the sources of the package and of those it may import. */
function recipeHash({ module, package: target, ldflags }: Recipe): string {
  const folder = join(checkout, module);
  const hash = createHash('sha256').update(`1 ${process.arch} ${target} ${ldflags}\n`);
  // The main package stands alone in its folder; the others import from beside them. Another module's is told by go.sum.
  const root = target.startsWith('./') ? join(folder, target.split('/')[1] ?? '') : folder;
  const sources = readdirSync(root, { recursive: target.startsWith('./'), encoding: 'utf8' }).filter((name) => name.endsWith('.go') && !name.endsWith('_test.go'));
  for (const file of [join(folder, 'go.mod'), join(folder, 'go.sum'), ...sources.sort().map((name) => join(root, name))]) {
    hash.update(`${relative(folder, file)}\n`).update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

/**
 * Builds what the cache folder lacks. Interrupted, it leaves nothing half-made.
 * @returns the executables' paths
 */
export async function ensureBinaries(cache: string, progress: Progress, signal?: AbortSignal): Promise<Binaries> {
  const paths: Partial<Binaries> = {};
  for (const [key, recipe] of Object.entries(RECIPES) as [keyof Binaries, Recipe][]) paths[key] = await ensureBinary(cache, recipe, progress, signal);
  return paths as Binaries;
}

/** Builds one executable where the cache folder lacks it. @returns its path */
export async function ensureBinary(cache: string, recipe: Recipe, progress: Progress, signal?: AbortSignal): Promise<string> {
  const folder = join(cache, 'bin', recipe.name);
  const home = join(folder, recipeHash(recipe));
  const file = join(home, recipe.name);
  if (existsSync(file)) {
    utimesSync(home, new Date(), new Date());
    return file;
  }
  if ((await attempt('go', ['version'])) === undefined) throw new Error('Go (>= 1.25) is needed to build the local cluster, and there is none in PATH.');
  mkdirSync(folder, { recursive: true });
  const release = await takeLock(`build-${home}`, 3_600_000, (holder) => progress.say(`  ${recipe.name}: being built by ${holder}; waiting for it`));
  const work = mkdtempSync(join(folder, '.build-'));
  try {
    if (existsSync(file)) return file;
    const log = join(folder, 'build.log');
    progress.say(`  building ${recipe.name}, once for all runs; log ${log}`);
    await progress.step(`building ${recipe.name}`, () => goBuild(recipe, join(work, recipe.name), log, signal), recipe.expectedMs);
    renameSync(work, home);
    prune(folder);
    return file;
  } finally {
    rmSync(work, { recursive: true, force: true });
    release();
  }
}

function goBuild(recipe: Recipe, output: string, logFile: string, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const log = openSync(logFile, 'w');
    const child = spawn('nice', ['-n', '10', 'go', 'build', '-trimpath', '-ldflags', recipe.ldflags, '-o', output, recipe.package], {
      cwd: join(checkout, recipe.module),
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', GOWORK: 'off' },
      stdio: ['ignore', log, log],
      // A group of its own: the compilers below it are ended together with it.
      detached: true,
    });
    closeSync(log);
    const abort = () => {
      try {
        if (child.pid) process.kill(-child.pid, 'SIGTERM');
      } catch {
        // It has ended.
      }
    };
    signal?.addEventListener('abort', abort, { once: true });
    process.once('exit', abort);
    child.on('error', reject);
    child.on('close', (code) => {
      signal?.removeEventListener('abort', abort);
      process.removeListener('exit', abort);
      if (code === 0) resolve();
      else if (signal?.aborted) reject(new Error('interrupted'));
      else reject(new Error(`Building ${recipe.name} failed:\n${readFileSync(logFile, 'utf8').split('\n').slice(-12).join('\n')}\nThe whole log: ${logFile}`));
    });
  });
}

/** Keeps the newest two of each: a branch and the one it came from. */
function prune(folder: string): void {
  const homes = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory() && /^[0-9a-f]{16}$/.test(entry.name));
  const byAge = homes.map(({ name }) => ({ name, used: statTime(join(folder, name)) })).sort((a, b) => b.used - a.used);
  for (const { name } of byAge.slice(2)) rmSync(join(folder, name), { recursive: true, force: true });
}

function statTime(path: string): number {
  return statSync(path).mtimeMs;
}
