import '../../app.module.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/postgres.js';
import { systemContext } from '../context/context.js';
import { Database } from '../database/database.js';
import { JobQueue } from './job-queue.js';
import { againAfter, DONE, JobRunner, type JobHandler } from './job-runner.js';

const SYSTEM = systemContext('test');

describe('keyed jobs', () => {
  let server: TestDatabase;
  let database: Database;
  let queue: JobQueue;
  const runners: JobRunner[] = [];

  beforeAll(async () => {
    server = await createTestDatabase();
    database = new Database({ url: server.url, poolSize: 12 });
    await database.open();
    queue = new JobQueue(database);
  });
  afterAll(async () => {
    await Promise.all(runners.map((runner) => runner.stop(5_000)));
    await database.close();
    await server.drop();
  });

  function run(...handlers: JobHandler[]): JobRunner {
    const runner = new JobRunner(database, server.url, handlers);
    runners.push(runner);
    runner.start();
    return runner;
  }

  it('collapse a burst, run once more for what comes meanwhile, and never run one key twice at once', async () => {
    const kind = 'burst';
    const running = new Map<string, number>();
    let most = 0;
    let runs = 0;
    const handler = (): JobHandler => ({
      kind, concurrency: 4,
      handle: async (key) => {
        runs += 1;
        running.set(key, (running.get(key) ?? 0) + 1);
        most = Math.max(most, running.get(key)!);
        await new Promise((resolve) => setTimeout(resolve, 20));
        running.set(key, running.get(key)! - 1);
        return DONE;
      },
    });
    run(handler());
    run(handler());
    await Promise.all(Array.from({ length: 300 }, (_, index) => queue.enqueue(SYSTEM, { kind, key: `k${index % 3}` })));
    await eventually(async () => expect(await left(kind)).toBe(0), { withinMs: 15_000 });
    expect(most).toBe(1);
    expect(runs).toBeLessThan(150);
  });

  it('come back after a failure and after the time they ask for', async () => {
    const seen: string[] = [];
    run({
      kind: 'again', concurrency: 1,
      handle: async (key) => {
        seen.push(key);
        if (seen.length === 1) throw new Error('not yet');
        return seen.length === 2 ? againAfter(50) : DONE;
      },
    });
    await queue.enqueue(SYSTEM, { kind: 'again', key: 'x' });
    await eventually(async () => expect([seen.length, await left('again')]).toEqual([3, 0]), { withinMs: 15_000 });
  });

  it('are not lost with the transaction that asked for them, nor asked for by one that failed', async () => {
    await expect(database.transaction(SYSTEM, async () => {
      await queue.enqueue(SYSTEM, { kind: 'never', key: 'x' });
      throw new Error('changed my mind');
    })).rejects.toThrow('changed my mind');
    expect(await left('never')).toBe(0);
  });

  it('take turns between groups', async () => {
    const order: string[] = [];
    for (let index = 0; index < 30; index += 1) await queue.enqueue(SYSTEM, { kind: 'fair', key: `loud-${index}`, group: 'loud' });
    await queue.enqueue(SYSTEM, { kind: 'fair', key: 'quiet', group: 'quiet' });
    run({ kind: 'fair', concurrency: 2, handle: async (key) => { order.push(key); return DONE; } });
    await eventually(async () => expect(await left('fair')).toBe(0), { withinMs: 15_000 });
    expect(order.indexOf('quiet')).toBeLessThan(4);
  });

  it('are taken over when the process that held them is gone', async () => {
    await queue.enqueue(SYSTEM, { kind: 'orphan', key: 'x' });
    await database.transaction(SYSTEM, (manager) => manager.query(`UPDATE work_item SET claimed_gen = gen, lease = gen_random_uuid(), visible_at = clock_timestamp() - interval '1 second' WHERE kind = 'orphan'`));
    let ran = 0;
    run({ kind: 'orphan', concurrency: 1, handle: async () => { ran += 1; return DONE; } });
    await eventually(async () => expect([ran, await left('orphan')]).toEqual([1, 0]), { withinMs: 15_000 });
  });

  it('stop at once, also while the first connection is being made', async () => {
    for (const delay of [0, 1, 5, 50]) {
      const runner = new JobRunner(database, server.url, [{ kind: 'none', concurrency: 1, handle: async () => DONE }]);
      runner.start();
      await new Promise((resolve) => setTimeout(resolve, delay));
      await runner.stop(1_000);
    }
  }, 10_000);

  async function left(kind: string): Promise<number> {
    const [row] = await database.transaction(SYSTEM, (manager) => manager.query<{ count: number }[]>('SELECT count(*)::int AS count FROM work_item WHERE kind = $1', [kind]));
    return row!.count;
  }
});
