import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { SandboxMount, SandboxResult } from '../sandbox/sandbox-run.js';
import { runSandboxed } from '../sandbox/sandbox.js';
import { BuildError } from './build-errors.js';
import { GO_SDK_FOLDER } from './go-module.policy.js';
import type { BuildLimits } from './source-build.js';
import { proxiesOnly, type ToolEnvironment } from './tool-environment.js';

export interface GoOptions {
  /** GOROOT of the host. */
  root: string;
  /** GOPROXY of the host; `direct` in it is left out. */
  proxy: string;
  /** GOSUMDB of the host. */
  sumDb: string;
  /** The SDK's module. */
  sdk: string;
  environment: ToolEnvironment;
  limits: BuildLimits;
}

/** One run of go. All folders have the same place in every sandbox, so that the compiler's cache fits from one to the next. */
export interface GoRun {
  args: readonly string[];
  source: string;
  /** The source may be changed: only the step that completes go.mod and go.sum does. */
  writeSource?: boolean;
  cache: string;
  modules: string;
  output?: string;
  network: boolean;
  timeoutMs: number;
  signal?: AbortSignal;
}

export const GO_SOURCE_FOLDER = '/src';
export const GO_OUTPUT_FOLDER = '/out';

/** Runs the Go of the host in sandboxes, never with a setting of the host's user or of the tenant. */
export class GoToolchain {
  constructor(readonly options: GoOptions) {}

  async run(run: GoRun): Promise<SandboxResult> {
    const { environment, limits, root, sdk } = this.options;
    const source = { from: run.source, to: GO_SOURCE_FOLDER };
    const writable: SandboxMount[] = [{ from: run.cache, to: '/gocache' }, { from: run.modules, to: '/gomodcache' }];
    if (run.writeSource) writable.push(source);
    if (run.output !== undefined) writable.push({ from: run.output, to: GO_OUTPUT_FOLDER });
    const readOnly: SandboxMount[] = [{ from: root, to: '/go' }, { from: sdk, to: GO_SDK_FOLDER }];
    if (!run.writeSource) readOnly.push(source);
    if (run.network) readOnly.push(...environment.mounts);
    const result = await runSandboxed({
      command: '/go/bin/go', args: run.args, readOnly, writable, cwd: GO_SOURCE_FOLDER, network: run.network, timeoutMs: run.timeoutMs,
      memoryMb: limits.memoryMb, signal: run.signal, env: this.environmentOf(run),
    });
    if (result.timedOut) throw new BuildError('BUILD_TIMEOUT', `go ${run.args[0]} took longer than ${run.timeoutMs / 1000} s.`);
    if (/execvp \/go\/bin\/go|failed to execute \/go\/bin\/go/.test(result.stderr)) throw this.missing();
    return result;
  }

  /** @throws {BuildError} BUILD_TOOL_MISSING */
  async demandPresent(): Promise<void> {
    await access(join(this.options.root, 'bin/go')).catch(() => {
      throw this.missing();
    });
  }

  private missing(): BuildError {
    return new BuildError('BUILD_TOOL_MISSING', 'Go functions need the Go toolchain, which is not at the configured place (FNPLANE_GO_ROOT).');
  }

  private environmentOf(run: GoRun): Record<string, string> {
    return {
      ...(run.network ? this.options.environment.env : {}),
      GOROOT: '/go', GOPATH: '/tmp/gopath', GOCACHE: '/gocache', GOMODCACHE: '/gomodcache', GOENV: 'off', GOWORK: 'off', GOTOOLCHAIN: 'local',
      GOPROXY: run.network ? proxiesOnly(this.options.proxy) : 'off', GONOPROXY: 'none', GOSUMDB: run.network ? this.options.sumDb : 'off', GOVCS: '*:off',
      GOFLAGS: '-modcacherw', GO111MODULE: 'on', GOOS: 'linux', GOARCH: 'amd64', CGO_ENABLED: '0', GOAUTH: 'off',
    };
  }
}
