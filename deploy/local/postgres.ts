import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { dataBase } from './cluster/layout.ts';
import { takeLock } from './cluster/lock.ts';
import { freePort, isFree } from './cluster/ports.ts';
import { writeWhole } from './cluster/state.ts';
import { type Account, can, unprivilegedAccount } from './postgres/account.ts';
import { postgresBinaries, SHARED_FOLDER } from './postgres/binaries.ts';
import { clearRemains, runningServer, startServer, stopServer } from './postgres/server.ts';

export interface PostgresOptions {
  /** By default `postgres` in `FNPLANE_DATA`. */
  readonly dataDir?: string;
  /** For tests: what is written may be lost when the machine loses power, not when the server is killed. Quicker. */
  readonly ephemeral?: boolean;
}

interface Access {
  readonly port: number;
  readonly password: string;
  /** Postgres's own data folder, which is elsewhere when its user cannot reach this one. */
  readonly cluster: string;
}

function folderOf(options: PostgresOptions): string {
  return resolve(options.dataDir ?? join(dataBase(), 'postgres'));
}

function readAccess(folder: string): Access | undefined {
  const file = join(folder, 'access.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Access) : undefined;
}

function writeAccess(folder: string, access: Access): void {
  writeWhole(join(folder, 'access.json'), `${JSON.stringify(access)}\n`, 0o600);
}

/** The address of a database on the server; that of the superuser, for this machine's use alone. */
function urlOf({ port, password }: Access): string {
  return `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
}

function lockOf(folder: string): Promise<() => void> {
  return takeLock(`postgres-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`, 120_000);
}

/**
 * Starts a Postgres of this project's own, or finds the one that runs on the data folder already. It listens on loopback
 * only and outlives this process.
 * @returns the URL of its database `postgres`, with a superuser's name and password
 */
export async function postgresUp(options: PostgresOptions = {}): Promise<{ url: string }> {
  const folder = folderOf(options);
  const release = await lockOf(folder);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o711 });
    let access = readAccess(folder);
    const running = access && runningServer(access.cluster);
    if (access && running?.ready && running.port === access.port) return { url: urlOf(access) };
    const account = await unprivilegedAccount();
    const bin = await postgresBinaries(account);
    access ??= await initialise(folder, bin, account, options.ephemeral ?? false);
    await stopServer(access.cluster);
    await clearRemains(access.cluster);
    if (!(await isFree(access.port, '127.0.0.1'))) {
      access = { ...access, port: await freePort() };
      writeAccess(folder, access);
    }
    await startServer({ bin, cluster: access.cluster, port: access.port, log: join(folder, 'postgres.log'), account, ephemeral: options.ephemeral ?? false });
    return { url: urlOf(access) };
  } finally {
    release();
  }
}

/** Ends the server on the data folder and, unless told to keep them, takes its data away. */
export async function postgresDown(options: PostgresOptions & { readonly keepData?: boolean } = {}): Promise<void> {
  const folder = folderOf(options);
  const release = await lockOf(folder);
  try {
    const access = readAccess(folder);
    if (access) await stopServer(access.cluster);
    if (options.keepData) return;
    if (access) rmSync(access.cluster, { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
    removeSharedIfUnused();
  } finally {
    release();
  }
}

/** The copies of Postgres's executables go with the last data folder that lies beside them. */
function removeSharedIfUnused(): void {
  const names = existsSync(SHARED_FOLDER) ? readdirSync(SHARED_FOLDER) : [];
  if (names.every((name) => name.startsWith('postgres-'))) rmSync(SHARED_FOLDER, { recursive: true, force: true });
}

/** Makes an empty database cluster. An interrupted attempt leaves nothing that the next would take for one. */
async function initialise(folder: string, bin: string, account: Account | undefined, ephemeral: boolean): Promise<Access> {
  const cluster = await reachable(folder, account);
  rmSync(cluster, { recursive: true, force: true });
  const part = `${cluster}.new`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true, mode: 0o700 });
  const password = randomBytes(24).toString('base64url');
  const passwordFile = join(part, '..', `.${basename(part)}-password`);
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (account) for (const path of [part, passwordFile]) chownSync(path, account.uid, account.gid);
  try {
    await initdb(bin, ['-D', part, '-U', 'postgres', '--pwfile', passwordFile, '--auth=scram-sha-256', '--encoding=UTF8', '--locale-provider=builtin', '--locale=C.UTF-8', '--no-instructions', ...(ephemeral ? ['--no-sync'] : [])], account);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(part, cluster);
  const access = { port: await freePort(), password, cluster: realpathSync(cluster) };
  writeAccess(folder, access);
  return access;
}

/** @returns where the account can keep its data: in our folder, or outside when that lies below a folder closed to it */
async function reachable(folder: string, account: Account | undefined): Promise<string> {
  if (await can(account, '/usr/bin/test', '-x', folder)) return join(folder, 'data');
  mkdirSync(SHARED_FOLDER, { recursive: true, mode: 0o755 });
  return join(SHARED_FOLDER, `data-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`);
}

function initdb(bin: string, args: string[], account: Account | undefined): Promise<void> {
  return new Promise((done, fail) => {
    let output = '';
    const child = spawn(join(bin, 'initdb'), args, { ...account, stdio: ['ignore', 'pipe', 'pipe'], cwd: '/', timeout: 120_000, env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' } });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4_000)));
    child.on('error', fail);
    child.on('close', (code) => (code === 0 ? done() : fail(new Error(`initdb failed: ${output}`))));
  });
}

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { data: { type: 'string' }, ephemeral: { type: 'boolean' }, keep: { type: 'boolean' } } });
  const options = { ...(values.data ? { dataDir: values.data } : {}), ephemeral: values.ephemeral ?? false, keepData: values.keep ?? false };
  if (positionals[0] === 'up') process.stdout.write(`${(await postgresUp(options)).url}\n`);
  else if (positionals[0] === 'down') await postgresDown(options);
  else {
    process.stderr.write('usage: node deploy/local/postgres.ts up|down [--data DIR] [--ephemeral] [--keep]\n');
    return 2;
  }
  return 0;
}

if (import.meta.main) process.exitCode = await main();
