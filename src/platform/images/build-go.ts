import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SourceContent, SourceFile } from '../archives/source-file.js';
import { giveToSandbox } from '../sandbox/sandbox.js';
import { BuildError } from './build-errors.js';
import { demandImageRoom, type BuildWorkspace } from './build-workspace.js';
import type { TenantGoCache } from './go-cache.js';
import { goFailure } from './go-diagnostics.policy.js';
import { GO_WRAPPER_FOLDER, goWrapper, planGoModule, type GoModFile, type GoModule } from './go-module.policy.js';
import { GO_OUTPUT_FOLDER, GO_SOURCE_FOLDER, type GoToolchain } from './go-toolchain.js';
import type { BuildRequest, PreparedSource } from './source-build.js';

/** Name of the compiled function below `/function`. */
const GO_BINARY = 'handler';
const EDIT_TIMEOUT_MS = 15_000;

interface GoBuild {
  request: Pick<BuildRequest, 'files' | 'signal'>;
  toolchain: GoToolchain;
  caches: TenantGoCache;
  /** The tenant's source on disk, with the wrapper. */
  source: string;
}

/**
 * Compiles a Go function: modules are fetched first, from the proxy alone, without running any code; then it is
 * compiled without a network. Only the binary goes into the image.
 */
export async function buildGo(request: GoBuild['request'], workspace: BuildWorkspace, toolchain: GoToolchain, caches: TenantGoCache): Promise<PreparedSource> {
  await toolchain.demandPresent();
  // A vendor folder would have to list the SDK too; modules come through the proxy instead.
  const files = request.files.filter((file) => !file.path.startsWith('vendor/'));
  if (files.some((file) => file.path === GO_WRAPPER_FOLDER || file.path.startsWith(`${GO_WRAPPER_FOLDER}/`))) {
    throw new BuildError('BUILD_COMPILE_FAILED', `The folder name ${GO_WRAPPER_FOLDER} is kept for the platform; rename it.`);
  }
  if (files.some((file) => file.type === 'symlink' && (file.path === 'go.mod' || file.path === 'go.sum'))) {
    throw new BuildError('BUILD_DEPENDENCIES_REFUSED', 'go.mod and go.sum must be files, not links.');
  }
  const build: GoBuild = { request, toolchain, caches, source: await workspace.folderWith('source', files) };
  const started = performance.now();
  const module = await prepareModule(build, files);
  if (module.fetches) await fetchModules(build, files);
  const compiling = performance.now();
  const output = await workspace.writableFolder('output');
  await compile(build, output);
  const content = await readFile(join(output, GO_BINARY));
  demandImageRoom(content.length, toolchain.options.limits);
  return {
    files: [{ type: 'file', path: GO_BINARY, mode: 0o755, content }],
    dependenciesMs: module.fetches ? Math.round(compiling - started) : 0,
    compileMs: Math.round(performance.now() - compiling),
  };
}

async function prepareModule(build: GoBuild, files: readonly SourceFile[]): Promise<GoModule> {
  const given = files.some((file) => file.path === 'go.mod') ? await readModFile(build) : undefined;
  const module = planGoModule(given, files);
  await writeFile(join(build.source, 'go.mod'), module.text);
  const sum = files.find((file): file is SourceContent => file.type === 'file' && file.path === 'go.sum');
  await writeFile(join(build.source, 'go.sum'), sum?.content ?? '');
  await giveToSandbox(build.source);
  for (const name of ['go.mod', 'go.sum']) await giveToSandbox(join(build.source, name));
  await mkdir(join(build.source, GO_WRAPPER_FOLDER));
  await writeFile(join(build.source, GO_WRAPPER_FOLDER, 'main.go'), goWrapper(module.path));
  return module;
}

async function readModFile(build: GoBuild): Promise<GoModFile> {
  const result = await build.toolchain.run({
    args: ['mod', 'edit', '-json'], source: build.source, cache: build.caches.cache, modules: build.caches.modules, network: false, timeoutMs: EDIT_TIMEOUT_MS, signal: build.request.signal,
  });
  if (result.exitCode !== 0) throw goFailure(result.stderr, GO_SOURCE_FOLDER);
  return JSON.parse(result.stdout) as GoModFile;
}

/**
 * Fetches exactly the modules whose packages are imported. With a go.sum they must be the ones it names; without one, go
 * chooses versions and checks them against the checksum database.
 */
async function fetchModules(build: GoBuild, files: readonly SourceFile[]): Promise<void> {
  const locked = files.some((file) => file.path === 'go.sum');
  const result = await build.toolchain.run({
    args: ['list', `-mod=${locked ? 'readonly' : 'mod'}`, '-deps', '-f', '{{.ImportPath}}', `./${GO_WRAPPER_FOLDER}`],
    source: build.source, writeSource: true, cache: build.caches.cache, modules: build.caches.modules, network: true,
    timeoutMs: build.toolchain.options.limits.dependenciesTimeoutMs, signal: build.request.signal,
  });
  if (result.exitCode !== 0) throw goFailure(result.stderr, GO_SOURCE_FOLDER);
}

async function compile(build: GoBuild, output: string): Promise<void> {
  const result = await build.toolchain.run({
    args: ['build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-p=2', '-ldflags=-s -w', '-o', `${GO_OUTPUT_FOLDER}/${GO_BINARY}`, `./${GO_WRAPPER_FOLDER}`],
    source: build.source, cache: build.caches.cache, modules: build.caches.modules, output, network: false,
    timeoutMs: build.toolchain.options.limits.compileTimeoutMs, signal: build.request.signal,
  });
  if (result.exitCode !== 0) throw goFailure(result.stderr, GO_SOURCE_FOLDER);
}
