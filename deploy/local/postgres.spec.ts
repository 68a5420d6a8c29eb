import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive, recordOf } from './cluster/process-table.ts';
import { waitFor } from './cluster/wait.ts';
import { postgresDown, postgresUp } from './postgres.ts';

const folder = mkdtempSync(join(tmpdir(), 'fnplane-postgres-'));
const dataDir = join(folder, 'postgres');
const up = () => postgresUp({ dataDir, ephemeral: true });

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ answer: unknown }>(sql);
    return rows[0]?.answer;
  } finally {
    await client.end();
  }
}

function access(): { port: number; cluster: string } {
  return JSON.parse(readFileSync(join(dataDir, 'access.json'), 'utf8')) as { port: number; cluster: string };
}

describe('the embedded Postgres', () => {
  let url: string;
  beforeAll(async () => {
    ({ url } = await up());
  });
  afterAll(async () => {
    await postgresDown({ dataDir });
    rmSync(folder, { recursive: true, force: true });
  });

  it('listens on loopback only, as nobody of importance', async () => {
    expect(new URL(url).hostname).toBe('127.0.0.1');
    expect(await ask(url, "select current_setting('listen_addresses') as answer")).toBe('127.0.0.1');
    const pid = readFileSync(join(access().cluster, 'postmaster.pid'), 'utf8').split('\n')[0] ?? '';
    if (process.getuid?.() === 0) expect(statSync(`/proc/${pid}`).uid).not.toBe(0);
  });

  it('refuses a wrong password, and keeps the right one to its owner', async () => {
    const wrong = new URL(url);
    wrong.password = 'wrong';
    await expect(ask(wrong.href, 'select 1 as answer')).rejects.toThrow(/password/);
    expect(statSync(join(dataDir, 'access.json')).mode & 0o077).toBe(0);
  });

  it('is found again where it runs, by several at once', async () => {
    const urls = await Promise.all([up(), up(), up()]);
    expect(urls.map((found) => found.url)).toEqual([url, url, url]);
  });

  it('comes back after a kill with its data, at the same address', async () => {
    await ask(url, 'create table kept as select 42 as answer');
    const server = recordOf(Number(readFileSync(join(access().cluster, 'postmaster.pid'), 'utf8').split('\n')[0]))!;
    process.kill(server.pid, 'SIGKILL');
    // The kernel takes a moment; until then it runs.
    await waitFor('the end of the server', () => !isAlive(server), { deadlineMs: 5_000, intervalMs: 5 });
    expect((await up()).url).toBe(url);
    expect(await ask(url, 'select answer from kept')).toBe(42);
  });

  it('leaves nothing when it is taken away', async () => {
    const { cluster } = access();
    await postgresDown({ dataDir });
    expect([existsSync(dataDir), existsSync(cluster)]).toEqual([false, false]);
    await expect(ask(url, 'select 1 as answer')).rejects.toThrow();
  });
});
