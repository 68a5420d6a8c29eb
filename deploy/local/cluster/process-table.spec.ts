import { spawn } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { endProcess, isAlive, recordOf, signal } from './process-table.ts';
import type { ProcessRecord } from './state.ts';

const children: ReturnType<typeof spawn>[] = [];

/** A process that ends at SIGTERM, or only at SIGKILL. */
async function start(stubborn = false): Promise<ProcessRecord> {
  const child = spawn(process.execPath, ['-e', `${stubborn ? "process.on('SIGTERM', () => {});" : ''} setInterval(() => {}, 1000); console.log('up')`], { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const record = recordOf(child.pid ?? 0);
  if (!record) throw new Error('the process ended at once');
  return record;
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

describe('records of processes', () => {
  it('tell a process from a later one with the same id', async () => {
    const record = await start();
    const reused = { ...record, startTime: String(Number(record.startTime) - 1) };
    expect(isAlive(record)).toBe(true);
    expect(isAlive(reused)).toBe(false);
    signal(reused, 'SIGKILL');
    expect(isAlive(record)).toBe(true);
  });

  it('mean nothing after a boot', async () => {
    expect(isAlive({ ...(await start()), bootId: 'another' })).toBe(false);
  });

  it('are of nobody once the process has ended, asked or forced', async () => {
    const [willing, stubborn] = [await start(), await start(true)];
    await Promise.all([endProcess(willing, 5_000), endProcess(stubborn, 200)]);
    expect([isAlive(willing), isAlive(stubborn)]).toEqual([false, false]);
  });
});
