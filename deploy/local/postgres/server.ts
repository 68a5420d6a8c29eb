import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, recordOf, runs, signal } from '../cluster/process-table.ts';
import type { ProcessRecord } from '../cluster/state.ts';
import { waitFor } from '../cluster/wait.ts';
import type { Account } from './account.ts';

export interface ServerOptions {
  readonly bin: string;
  readonly cluster: string;
  readonly port: number;
  readonly log: string;
  readonly account: Account | undefined;
  /** Gives up durability for speed. */
  readonly ephemeral: boolean;
}

/** Lines of postmaster.pid: process, folder, start, port, socket folder, address, shared memory, state. */
function pidFile(cluster: string): string[] {
  try {
    return readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n').map((line) => line.trim());
  } catch {
    return [];
  }
}

/** The server that runs on this data folder, if one does. A process that merely has its old id does not count. */
export function runningServer(cluster: string): (ProcessRecord & { port: number; ready: boolean }) | undefined {
  const [pid, , , port, , , , status] = pidFile(cluster);
  const record = pid ? recordOf(Number(pid)) : undefined;
  return record && worksIn(record.pid, cluster) ? { ...record, port: Number(port), ready: status === 'ready' } : undefined;
}

/** Postgres's processes have their data folder as working directory. */
function worksIn(pid: number, cluster: string): boolean {
  try {
    return runs(pid, '/postgres') && readlinkSync(`/proc/${pid}/cwd`) === cluster;
  } catch {
    return false;
  }
}

/** Ends what a killed server left: its children hold its shared memory until they notice. */
export async function clearRemains(cluster: string): Promise<void> {
  if (runningServer(cluster)) return;
  const orphans = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && worksIn(Number(name), cluster)).map((name) => recordOf(Number(name))).filter((record) => record !== undefined);
  for (const orphan of orphans) signal(orphan, 'SIGQUIT');
  await waitFor('the children of a killed Postgres to end', () => !orphans.some((orphan) => isAlive(orphan)), { deadlineMs: 10_000, intervalMs: 20 });
  // Postgres would not start while any process has the id in this file, whatever that process is.
  rmSync(join(cluster, 'postmaster.pid'), { force: true });
}

const SETTINGS = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200', 'jit=off', 'timezone=UTC', 'log_timezone=UTC', 'log_min_messages=warning'];
// A killed server loses nothing by these, only a machine without power does.
const EPHEMERAL = ['fsync=off', 'full_page_writes=off', 'max_wal_size=4GB', 'autovacuum_naptime=10s'];

/** Starts a server that outlives this process. Returns once it takes connections. */
export async function startServer({ bin, cluster, port, log, account, ephemeral }: ServerOptions): Promise<void> {
  const settings = [...SETTINGS, `port=${port}`, ...(ephemeral ? EPHEMERAL : [])].flatMap((setting) => ['-c', setting]);
  const output = openSync(log, 'a', 0o600);
  const child = spawn(join(bin, 'postgres'), ['-D', cluster, ...settings], { ...account, detached: true, stdio: ['ignore', output, output], cwd: '/', env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' } });
  closeSync(output);
  let ended: string | undefined;
  const failed = (error: Error) => (ended = error.message);
  const exited = (code: number | null, by: NodeJS.Signals | null) => (ended = `it ended with ${by ?? code}. The end of its log ${log}:\n${readFileSync(log, 'utf8').slice(-2_000)}`);
  child.on('error', failed).on('exit', exited);
  child.unref();
  await waitFor('Postgres', () => runningServer(cluster)?.ready, { deadlineMs: 60_000, intervalMs: 10, hopeless: () => ended });
  // Its log may be gone when it ends later, and nobody asks then.
  child.off('exit', exited);
}

/** Ends the server in good order, or at once when that takes too long. */
export async function stopServer(cluster: string): Promise<void> {
  const server = runningServer(cluster);
  if (server) {
    signal(server, 'SIGINT');
    const gone = () => !isAlive(server);
    try {
      await waitFor('Postgres to end', gone, { deadlineMs: 10_000, intervalMs: 20 });
    } catch {
      signal(server, 'SIGQUIT');
      await waitFor('Postgres to end at once', gone, { deadlineMs: 5_000, intervalMs: 20 });
    }
  }
  await clearRemains(cluster);
}
