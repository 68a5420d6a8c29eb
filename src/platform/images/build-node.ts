import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { SourceContent, SourceFile } from '../archives/source-file.js';
import { giveToSandbox, runSandboxed } from '../sandbox/sandbox.js';
import { BuildError } from './build-errors.js';
import { readFolder, type BuildWorkspace } from './build-workspace.js';
import { dependencyFailure } from './dependency-failure.policy.js';
import { demandRegistryLock } from './package-lock.policy.js';
import type { BuildLimits, BuildRequest, PreparedSource } from './source-build.js';
import type { ToolEnvironment } from './tool-environment.js';

export interface NodeTools {
  node: string;
  /** npm's own folder, with `bin/npm-cli.js`. */
  npm: string | undefined;
  registry: string;
  environment: ToolEnvironment;
  limits: BuildLimits;
}

/** npm's folder where Node's own packages, Debian's and those of version managers have it. */
export function findNpm(node: string = process.execPath): string | undefined {
  const candidates = [join(dirname(node), '../lib/node_modules/npm'), '/usr/lib/node_modules/npm', '/usr/local/lib/node_modules/npm', '/usr/share/nodejs/npm'];
  const found = candidates.find((folder) => existsSync(join(folder, 'bin/npm-cli.js')));
  return found === undefined ? undefined : realpathSync(found);
}

/** Installs what package-lock.json names, without install scripts: no code of a package or of the tenant runs. */
export async function buildNode(request: BuildRequest, workspace: BuildWorkspace, tools: NodeTools): Promise<PreparedSource> {
  const lock = request.files.find((file): file is SourceContent => file.type === 'file' && file.path === 'package-lock.json');
  if (lock === undefined) return { files: request.files, dependenciesMs: 0, compileMs: 0 };
  if (!request.files.some((file) => file.path === 'package.json')) {
    throw new BuildError('BUILD_DEPENDENCIES_REFUSED', 'package-lock.json is there, but package.json is not.');
  }
  demandRegistryLock(lock.content.toString('utf8'), tools.registry);
  const started = performance.now();
  // A .npmrc could name other registries and other programs to run.
  const own = request.files.filter((file) => !/(^|\/)\.npmrc$/.test(file.path) && !/(^|\/)node_modules\//.test(file.path));
  const files = await install(own, workspace, tools, request.signal);
  return { files, dependenciesMs: Math.round(performance.now() - started), compileMs: 0 };
}

async function install(own: readonly SourceFile[], workspace: BuildWorkspace, tools: NodeTools, signal?: AbortSignal): Promise<SourceFile[]> {
  if (tools.npm === undefined) throw new BuildError('BUILD_TOOL_MISSING', 'Node dependencies need npm, which this machine lacks. Install it: apt-get install npm.');
  const source = await workspace.folderWith('source', own);
  await giveToSandbox(source, true);
  const result = await runSandboxed({
    command: '/tools/node', cwd: '/function', network: true, timeoutMs: tools.limits.dependenciesTimeoutMs, memoryMb: tools.limits.memoryMb, signal,
    args: ['/tools/npm/bin/npm-cli.js', 'ci', '--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund', '--no-progress', '--no-update-notifier',
      '--install-links=false', '--loglevel=error', '--cache=/tmp/npm', '--userconfig=/dev/null', '--globalconfig=/tmp/none', `--registry=${tools.registry}`],
    readOnly: [{ from: tools.node, to: '/tools/node' }, { from: tools.npm, to: '/tools/npm' }, ...tools.environment.mounts],
    writable: [{ from: source, to: '/function' }],
    env: { ...tools.environment.env },
  });
  if (result.timedOut) throw new BuildError('BUILD_TIMEOUT', `npm ci took longer than ${tools.limits.dependenciesTimeoutMs / 1000} s.`);
  if (result.exitCode !== 0) {
    throw dependencyFailure('npm ci', result.stderr.split('\n').filter((line) => !/A complete log of this run|npm error\s*$/.test(line)));
  }
  return readFolder(source, tools.limits);
}
