import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SourceContent, SourceFile } from '../archives/source-file.js';
import { runSandboxed } from '../sandbox/sandbox.js';
import { BuildError } from './build-errors.js';
import { readFolder, type BuildWorkspace } from './build-workspace.js';
import { dependencyFailure } from './dependency-failure.policy.js';
import { readRequirements, type Requirements } from './python-requirements.policy.js';
import type { BuildLimits, BuildRequest, PreparedSource } from './source-build.js';
import type { ToolEnvironment } from './tool-environment.js';

/** Folder beside the handler that the Python runtime puts on `sys.path` after the function's own code. */
export const PYTHON_PACKAGES = '.packages';
const BYTECODE = '__pycache__';

/** pip names the distribution in its requests and fails without them. */
const DISTRIBUTION_FILES = ['/etc/debian_version', '/etc/os-release'].map((path) => ({ from: path, to: path, optional: true }));

export interface PythonTools {
  /** Interpreter with pip, of the version that the runtime image has; below `/usr`. */
  python: string;
  index: string | undefined;
  environment: ToolEnvironment;
  limits: BuildLimits;
}

/** Installs what requirements.txt names, from wheels only: no code of a package or of the tenant runs. */
export async function buildPython(request: BuildRequest, workspace: BuildWorkspace, tools: PythonTools): Promise<PreparedSource> {
  const own = request.files.filter((file) => !file.path.includes(`${BYTECODE}/`));
  const listed = own.find((file): file is SourceContent => file.type === 'file' && file.path === 'requirements.txt');
  const requirements = listed && readRequirements(listed.content.toString('utf8'));
  if (!requirements || requirements.lines.length === 0) return { files: own, dependenciesMs: 0, compileMs: 0 };
  const started = performance.now();
  const packages = await workspace.writableFolder('packages');
  await install(requirements, packages, workspace, tools, request.signal);
  const compiling = performance.now();
  await compile(packages, tools, request.signal);
  const installed = await readPackages(packages, tools.limits);
  const kept = own.filter((file) => !file.path.startsWith(`${PYTHON_PACKAGES}/`));
  return { files: [...kept, ...installed], dependenciesMs: Math.round(compiling - started), compileMs: Math.round(performance.now() - compiling) };
}

async function install(requirements: Requirements, target: string, workspace: BuildWorkspace, tools: PythonTools, signal?: AbortSignal): Promise<void> {
  const input = await workspace.writableFolder('requirements');
  await writeFile(join(input, 'requirements.txt'), `${requirements.lines.join('\n')}\n`);
  const args = ['-I', '-m', 'pip', 'install', '--requirement', '/requirements/requirements.txt', '--target', '/packages', '--only-binary', ':all:',
    '--no-compile', '--no-input', '--no-cache-dir', '--disable-pip-version-check', '--no-warn-script-location', '--progress-bar', 'off', '--quiet'];
  if (requirements.hashed) args.push('--require-hashes');
  if (tools.index !== undefined) args.push('--index-url', tools.index);
  const result = await runSandboxed({
    command: tools.python, args, cwd: '/packages', network: true, timeoutMs: tools.limits.dependenciesTimeoutMs, memoryMb: tools.limits.memoryMb, signal,
    readOnly: [{ from: input, to: '/requirements' }, ...DISTRIBUTION_FILES, ...tools.environment.mounts], writable: [{ from: target, to: '/packages' }],
    env: { ...tools.environment.env, PIP_CONFIG_FILE: '/dev/null', PYTHONDONTWRITEBYTECODE: '1' },
  });
  if (result.timedOut) throw new BuildError('BUILD_TIMEOUT', `pip install took longer than ${tools.limits.dependenciesTimeoutMs / 1000} s.`);
  const lines = result.stderr.split('\n').filter((line) => !/^(WARNING|DEPRECATION|\[notice\])/.test(line));
  if (/No module named pip|No such file or directory|execvp/.test(result.stderr) && result.exitCode !== 0) {
    throw new BuildError('BUILD_TOOL_MISSING', `Python dependencies need ${tools.python} with pip, which this machine lacks. Install it: apt-get install python3-pip.`, result.stderr);
  }
  if (result.exitCode !== 0) throw dependencyFailure('pip', lines);
}

/**
 * Compiles what was installed to bytecode, once and not in each new pod, whose file system cannot keep it. Unchecked, since nothing in an
 * image changes. A module that does not compile, for another version of Python say, is left to fail where it is imported.
 */
async function compile(target: string, tools: PythonTools, signal?: AbortSignal): Promise<void> {
  await runSandboxed({
    command: tools.python, cwd: '/packages', network: false, timeoutMs: tools.limits.compileTimeoutMs, memoryMb: tools.limits.memoryMb, signal,
    args: ['-I', '-m', 'compileall', '-q', '-f', '--invalidation-mode', 'unchecked-hash', '-s', '/packages', '-p', `/function/${PYTHON_PACKAGES}`, '/packages'],
    readOnly: [], writable: [{ from: target, to: '/packages' }], env: { PYTHONHASHSEED: '0' },
  });
}

/** Without bytecode where there is no room for it. */
async function readPackages(target: string, limits: BuildLimits): Promise<SourceFile[]> {
  const files = await readFolder(target, limits).catch((error: unknown) => {
    if (!(error instanceof BuildError) || error.code !== 'BUILD_TOO_LARGE') throw error;
    return readFolder(target, limits, new Set([BYTECODE]));
  });
  // Console scripts name this machine's interpreter; a function has no use for them.
  return files.filter((file) => !file.path.startsWith('bin/')).map((file) => ({ ...file, path: `${PYTHON_PACKAGES}/${file.path}` }));
}
