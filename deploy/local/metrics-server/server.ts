import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../cluster/ports.ts';

export interface MetricsServerOptions {
  /** Path of the executable. */
  readonly binary: string;
  /** An administrator's, by path. */
  readonly kubeconfig: string;
  /** At which the API server reaches it. */
  readonly address: string;
}

/** The least that it takes, and less than that for a kubelet's answer. */
const [RESOLUTION, KUBELET_TIMEOUT] = ['10s', '5s'];
const STOP_MS = 5_000;

/** A real metrics-server beside a cluster: it serves `metrics.k8s.io`, which whoever starts it has to register. */
export class LocalMetricsServer {
  readonly port: number;
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #onExit = (): void => void this.#process.kill('SIGKILL');

  private constructor({ binary, kubeconfig, address }: MetricsServerOptions, port: number) {
    this.port = port;
    this.#folder = mkdtempSync(join(tmpdir(), 'fnplane-metrics-server-'));
    const log = openSync(this.#log, 'w');
    this.#process = spawn(binary, [
      `--secure-port=${port}`, `--bind-address=${address}`, `--cert-dir=${this.#folder}`, `--metric-resolution=${RESOLUTION}`, `--kubelet-request-timeout=${KUBELET_TIMEOUT}`,
      `--kubeconfig=${kubeconfig}`, `--authentication-kubeconfig=${kubeconfig}`, `--authorization-kubeconfig=${kubeconfig}`,
      '--kubelet-insecure-tls', '--kubelet-preferred-address-types=InternalIP',
    ], { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#process.on('error', () => undefined);
    process.once('exit', this.#onExit);
  }

  static async start(options: MetricsServerOptions): Promise<LocalMetricsServer> {
    return new LocalMetricsServer(options, await freePort());
  }

  /** The end of what it says, for errors. */
  get lastWords(): string {
    return readFileSync(this.#log, 'utf8').split('\n').slice(-8).join('\n');
  }

  async stop(): Promise<void> {
    process.removeListener('exit', this.#onExit);
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = new Promise<void>((resolve) => this.#process.once('exit', () => resolve()));
      this.#process.kill('SIGTERM');
      const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(timer);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #log(): string {
    return join(this.#folder, 'metrics-server.log');
  }
}
