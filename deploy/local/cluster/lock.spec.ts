import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { takeLock } from './lock.ts';

const name = `spec-${process.pid}`;

it('is held by one at a time, and waited for', async () => {
  const release = await takeLock(name, 1_000);
  const told: string[] = [];
  await expect(takeLock(name, 200, (holder) => told.push(holder))).rejects.toThrow(/lock/);
  expect(told).toEqual([`process ${process.pid}`]);
  release();
  (await takeLock(name, 1_000))();
});

it('comes free when its holder is killed', async () => {
  const program = `import { takeLock } from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))}; await takeLock(${JSON.stringify(name)}, 1000); console.log('held'); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  await expect(takeLock(name, 150)).rejects.toThrow(/lock/);
  holder.kill('SIGKILL');
  (await takeLock(name, 2_000))();
});
