import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../../deploy/local/cluster/ports.ts';
import { HttpClient } from '../../../deploy/local/http-client.ts';
import { NODE_FLAGS } from '../../../deploy/local/node-flags.ts';
import type { BenchKeys } from './bench-keys.ts';
import type { Ground } from './ground.ts';
import { until } from './until.ts';

const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url));
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 30_000;

export interface PlatformOptions {
  ground: Ground;
  keys: BenchKeys;
  /** Folder for its log and caches. */
  folder: string;
  /** All of them by default. */
  roles?: string;
  /** Folder for a CPU profile, written when it stops. */
  profile?: string;
}

/** The platform under test: the compiled sources in a process of its own, as they run in production. */
export class Platform {
  readonly api: string;
  readonly gateway: string;
  readonly management: string;
  readonly operator: HttpClient;
  readonly token: string;
  readonly log: string;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, ports: Ports, token: string, log: string) {
    this.#process = process;
    this.api = `http://127.0.0.1:${ports.api}`;
    this.gateway = `http://127.0.0.1:${ports.gateway}`;
    this.management = `http://127.0.0.1:${ports.management}`;
    this.token = token;
    this.operator = new HttpClient(this.api, token);
    this.log = log;
  }

  /** Resolves when `/readyz` says so. */
  static async start(options: PlatformOptions): Promise<Platform> {
    const ports = { api: await freePort(), gateway: await freePort(), management: await freePort() };
    const log = join(options.folder, `${(options.roles ?? 'all').replaceAll(',', '-')}.log`);
    const child = launch(options, ports, log);
    const platform = new Platform(child, ports, await options.keys.token(), log);
    try {
      await until('a ready platform', () => platform.#readiness(), { withinMs: READY_WITHIN_MS, everyMs: 100 });
    } catch (error) {
      await platform.stop();
      throw new Error(`${(error as Error).message}\nThe end of its log:\n${platform.logText().slice(-2_000)}`);
    }
    return platform;
  }

  get pid(): number {
    return this.#process.pid!;
  }

  logText(): string {
    return readFileSync(this.log, 'utf8');
  }

  /** Sum of a counter or gauge over its labels, or those that `counts` picks, as `/metrics` has it now. */
  async counter(name: string, counts: (labels: string) => boolean = () => true): Promise<number> {
    const text = await (await fetch(`${this.management}/metrics`, { signal: AbortSignal.timeout(10_000) })).text();
    const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return lines.filter((line) => counts(line.slice(name.length, line.lastIndexOf(' ')))).reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      const kill = setTimeout(() => this.#process.kill('SIGKILL'), STOP_WITHIN_MS);
      this.#process.once('exit', () => {
        clearTimeout(kill);
        resolve();
      });
      this.#process.kill('SIGTERM');
    });
  }

  async #readiness(): Promise<{ found: true } | { seen: string }> {
    if (this.#process.exitCode !== null) throw new Error(`the platform ended with ${this.#process.exitCode}`);
    const answer = await fetch(`${this.management}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    return answer?.ok ? { found: true } : { seen: (await answer?.text()) ?? 'it does not answer' };
  }
}

/** What the api role needs to be told, whoever starts it. */
export function apiEnvironment(ground: Ground, keys: BenchKeys): Record<string, string> {
  return {
    DATABASE_URL: ground.databaseUrl,
    FNPLANE_ISSUERS: JSON.stringify([keys.issuer]),
    FNPLANE_ENCRYPTION_KEYS: keys.encryptionKey,
    FNPLANE_INTERNAL_SECRET: keys.internalSecret,
    FNPLANE_REGISTRY_URL: `http://${ground.registry}`,
    // In force, and never reached by one principal on this machine.
    FNPLANE_API_RATE: '100000:100000',
    FNPLANE_API_TENANT_RATE: '100000:100000',
  };
}

interface Ports {
  api: number;
  gateway: number;
  management: number;
}

function launch({ ground, keys, folder, roles, profile }: PlatformOptions, ports: Ports, log: string): ChildProcess {
  const { python, node, go } = ground.runtimeImages;
  const output = openSync(log, 'a');
  const flags = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile];
  const child = spawn(process.execPath, [...NODE_FLAGS, ...flags, join(CHECKOUT, 'dist/src/main.js')], {
    // A group of its own: Ctrl-C is for us, who need it to take the tenants away.
    cwd: folder, stdio: ['ignore', output, output], detached: true,
    env: {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(FNPLANE_|KUBECONFIG$|DATABASE_URL$|NODE_OPTIONS$)/.test(name))),
      ...(roles === undefined ? {} : { FNPLANE_ROLES: roles }),
      ...apiEnvironment(ground, keys),
      KUBECONFIG: ground.kubeconfig,
      FNPLANE_API_LISTEN: `127.0.0.1:${ports.api}`,
      FNPLANE_GATEWAY_LISTEN: `127.0.0.1:${ports.gateway}`,
      FNPLANE_MANAGEMENT_LISTEN: `127.0.0.1:${ports.management}`,
      FNPLANE_GATEWAY_URL: `http://127.0.0.1:${ports.gateway}`,
      FNPLANE_RUNTIME_IMAGES: JSON.stringify({ python, node, go }),
      FNPLANE_BLOCKED_EGRESS: ground.blockedEgress,
      FNPLANE_BUILD_CACHE: join(folder, 'build-cache'),
      FNPLANE_GO_SDK: join(CHECKOUT, 'deploy/runtimes/go'),
    },
  });
  closeSync(output);
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  return child;
}
