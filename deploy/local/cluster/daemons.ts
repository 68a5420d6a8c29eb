import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from './layout.ts';
import { endProcess, isAlive, recordOf } from './process-table.ts';
import { type ClusterState, writeState } from './state.ts';

/** In the order in which they are stopped: those who write to the cluster first, their ground last. */
export const DAEMONS = [
  'kube-scheduler', 'kube-controller-manager', 'kubelet', 'kube-proxy', 'network-policy', 'kube-apiserver', 'etcd', 'registry', 'containerd',
] as const;
/** Only beside a second control plane, in the kubelet's place. */
const SIMULATOR = 'kwok';
export type DaemonName = (typeof DAEMONS)[number] | typeof SIMULATOR;

export interface DaemonCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

const LOG_LIMIT = 32 * 1024 * 1024;

/** Starts, finds and ends the cluster's own processes. They outlive the command that started them. */
export class Daemons {
  readonly #layout: Layout;
  readonly #state: ClusterState;
  /** Those that this process started, for an interrupted start to take back. */
  readonly started: DaemonName[] = [];

  constructor(layout: Layout, state: ClusterState) {
    this.#layout = layout;
    this.#state = state;
  }

  alive(name: DaemonName): boolean {
    return isAlive(this.#state.processes[name]);
  }

  missing(): DaemonName[] {
    return DAEMONS.filter((name) => !this.alive(name));
  }

  running(): DaemonName[] {
    return ([SIMULATOR, ...DAEMONS] as const).filter((name) => this.alive(name));
  }

  logFile(name: DaemonName): string {
    return join(this.#layout.logs, `${name}.log`);
  }

  /** Starts the daemon unless it runs already. */
  ensure(name: DaemonName, { command, args, env }: DaemonCommand): void {
    if (this.alive(name)) return;
    mkdirSync(this.#layout.logs, { recursive: true });
    const file = this.logFile(name);
    if (existsSync(file) && statSync(file).size > LOG_LIMIT) renameSync(file, `${file}.1`);
    const log = openSync(file, 'a', 0o600);
    const child = spawn(command, args, { detached: true, stdio: ['ignore', log, log], cwd: '/', env: { ...process.env, ...env } });
    closeSync(log);
    child.on('error', () => undefined);
    child.unref();
    const record = child.pid === undefined ? undefined : recordOf(child.pid);
    if (!record) throw new Error(`${name} could not be started; see ${file}`);
    this.#state.processes[name] = record;
    this.started.push(name);
    writeState(this.#layout.stateFile, this.#state);
  }

  /** Ends the daemon if it is ours and runs. */
  async end(name: DaemonName, graceMs = 4_000): Promise<void> {
    await endProcess(this.#state.processes[name], graceMs);
    delete this.#state.processes[name];
    if (existsSync(this.#layout.data)) writeState(this.#layout.stateFile, this.#state);
  }

  /** For waits: why a wait on this daemon is hopeless, if it has ended. */
  ended(...names: DaemonName[]): string | undefined {
    const name = names.find((candidate) => !this.alive(candidate));
    return name && `${name} has ended. The end of its log ${this.logFile(name)}:\n${this.#tail(name)}`;
  }

  #tail(name: DaemonName): string {
    try {
      return readFileSync(this.logFile(name), 'utf8').slice(-6_000).split('\n').slice(-15).join('\n');
    } catch {
      return '(no log)';
    }
  }
}
