import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageConfig } from '../../deploy/image/buildah.ts';
import { attempt } from '../../deploy/local/cluster/command.ts';
import { waitFor } from '../../deploy/local/cluster/wait.ts';

const STATE = '/run/fnplane/test-containers';
const STOP_MS = 30_000;

export interface ContainerOptions {
  /** The image's files, mounted. */
  rootfs: string;
  config: ImageConfig;
  environment?: Record<string, string>;
  /** Instead of the image's entry point. */
  command?: string[];
}

/**
 * A container of an image, run by runc as `restricted` Pod Security wants it: the image's own user, no capability, no new privileges, a read-only
 * root with a writable `/tmp`. It shares the machine's network, for a Postgres that listens on loopback alone.
 */
export class OciContainer {
  readonly #child: ChildProcess;
  readonly #bundle: string;
  readonly #name = `fnplane-image-${randomBytes(6).toString('hex')}`;
  readonly #ended: Promise<number>;
  #code: number | undefined;
  stdout = '';
  stderr = '';

  constructor(options: ContainerOptions) {
    this.#bundle = mkdtempSync(join(tmpdir(), 'fnplane-container-'));
    mkdirSync(STATE, { recursive: true });
    writeFileSync(join(this.#bundle, 'config.json'), JSON.stringify(this.#specification(options)));
    this.#child = spawn('runc', ['--root', STATE, 'run', '--bundle', this.#bundle, this.#name], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout!.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.#child.stderr!.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => resolve(this.#code = code ?? 128 + (signal === 'SIGKILL' ? 9 : 1)));
    });
  }

  /** What `find` makes of the standard output, as soon as it makes something of it. @throws when the container has ended without */
  async seen<T>(find: (stdout: string) => T | undefined, withinMs: number): Promise<NonNullable<T>> {
    const hopeless = (): string | undefined => (this.#code === undefined ? undefined : `the container ended with ${this.#code}: ${this.stdout.slice(-2000)}${this.stderr.slice(-2000)}`);
    return waitFor('a line of the container', () => find(this.stdout), { deadlineMs: withinMs, hopeless });
  }

  /** runc passes signals on to the container's first process. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Exit code; a container that does not end by `withinMs` is killed and counts as 137. */
  async ended(withinMs = STOP_MS): Promise<number> {
    const timer = setTimeout(() => void attempt('runc', ['--root', STATE, 'kill', this.#name, 'KILL']), withinMs);
    try {
      return await this.#ended;
    } finally {
      clearTimeout(timer);
    }
  }

  async remove(): Promise<void> {
    if (this.#code === undefined) {
      this.signal('SIGTERM');
      await this.ended();
    }
    await attempt('runc', ['--root', STATE, 'delete', '--force', this.#name]);
    rmSync(this.#bundle, { recursive: true, force: true });
  }

  #specification({ rootfs, config, environment, command }: ContainerOptions): object {
    const [uid, gid] = (config.User ?? '0:0').split(':').map(Number);
    const none = { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] };
    return {
      ociVersion: '1.0.2',
      process: {
        terminal: false, user: { uid, gid }, cwd: config.WorkingDir || '/', args: command ?? [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])],
        env: [...(config.Env ?? []), ...Object.entries(environment ?? {}).map(([name, value]) => `${name}=${value}`)],
        capabilities: none, noNewPrivileges: true,
      },
      root: { path: rootfs, readonly: true },
      mounts: [
        { destination: '/proc', type: 'proc', source: 'proc' },
        { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
        { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=1777', 'size=262144k'] },
      ],
      linux: { namespaces: [{ type: 'pid' }, { type: 'mount' }, { type: 'ipc' }, { type: 'uts' }], cgroupsPath: `/${this.#name}`, resources: { devices: [{ allow: false, access: 'rwm' }] } },
    };
  }
}
