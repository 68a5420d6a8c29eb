import { randomUUID } from 'node:crypto';
import '../../app.module.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/postgres.js';
import { systemContext } from '../context/context.js';
import { Database } from '../database/database.js';
import { JobQueue } from './job-queue.js';
import { againAfter, DONE, JobRunner, type JobHandler } from './job-runner.js';

const SYSTEM = systemContext('test');
const CLAIM = 'SELECT key, reached, due FROM claim_work($1, $2, $3, $4, $5)';

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

  describe('of a group with a long backlog', () => {
    const kind = 'backlog';
    const claim = async (limit: number, after = '') => database.statement<{ key: string; reached: string; due: number }>(SYSTEM, CLAIM, [kind, limit, randomUUID(), 30_000, after]);
    const fill = (group: string, count: number, visible = `- interval '1 hour'`) => database.transaction(SYSTEM, (manager) => manager.query(
      `INSERT INTO work_item (kind, key, fair_group, visible_at) SELECT $1, $2 || '-' || number, $2, clock_timestamp() ${visible} + number * interval '1 microsecond' FROM generate_series(1, $3::integer) AS number`, [kind, group, count]));
    beforeAll(() => fill('loud', 20_000));
    afterAll(() => database.transaction(SYSTEM, (manager) => manager.query('DELETE FROM work_item WHERE kind = $1', [kind])));

    it('are not read to be claimed, though nothing is known of them by statistics', async () => {
      for (const after of ['', 'loud']) expect(await rowsRead(after)).toBeLessThan(500);
    });

    it.each([['before', 'a-quiet', 4], ['behind', 'quiet', 4], ['behind', 'quiet', 2]])('let the one of another be taken in the first round, its name %s theirs: %s, of %i', async (_, group, most) => {
      await fill(group, 1, '');
      const taken = await claim(most);
      expect(taken.map(({ key }) => key)).toContain(`${group}-1`);
      expect([taken.length > most / 2, taken[0]!.due]).toEqual([true, 100]);
      await database.transaction(SYSTEM, (manager) => manager.query('DELETE FROM work_item WHERE kind = $1 AND fair_group = $2', [kind, group]));
    });

    it('go round, also where one is taken at a time', async () => {
      for (const group of ['a', 'b', 'z']) await fill(group, 2, '');
      const order: string[] = [];
      for (let after = ''; order.length < 8;) {
        const [taken] = await claim(1, after);
        order.push(taken!.key);
        after = taken!.reached;
      }
      expect(order).toEqual(['a-1', 'b-1', 'loud-1', 'z-1', 'a-2', 'b-2', 'loud-2', 'z-2'].map((key) => key.startsWith('loud') ? expect.stringMatching(/^loud-/) as string : key));
    });

    it('and of those of very many groups, none is passed over, and what waits is not read', async () => {
      await database.transaction(SYSTEM, (manager) => manager.query(`INSERT INTO work_item (kind, key, fair_group, visible_at)
        SELECT $1, 'one-' || number, 'group-' || number, clock_timestamp() FROM generate_series(1, 10000) AS number
        UNION ALL SELECT $1, 'later-' || number, 'later-' || number, clock_timestamp() + interval '1 hour' FROM generate_series(1, 2000) AS number`, [kind]));
      for (const after of ['', 'group-5', 'later']) expect(await rowsRead(after)).toBeLessThan(2_000);
      const seen = new Set<string>();
      for (let after = '', rounds = 0; rounds < 330; rounds += 1) {
        const taken = await claim(32, after);
        for (const { key } of taken) seen.add(key);
        after = taken[0]?.reached ?? after;
      }
      expect([...seen].filter((key) => key.startsWith('one-'))).toHaveLength(10_000);
      expect([...seen].filter((key) => key.startsWith('later-'))).toEqual([]);
    });

    /** Rows of the table that one claim of 32 looks at; it holds nothing. */
    function rowsRead(after: string): Promise<number> {
      return database.transaction(SYSTEM, async (manager) => {
        const read = async (): Promise<number> => {
          const [row] = await manager.query<{ count: number }[]>(`SELECT (seq_tup_read + idx_tup_fetch)::int AS count FROM pg_stat_xact_user_tables WHERE relname = 'work_item'`);
          return row!.count;
        };
        const before = await read();
        expect(await manager.query<unknown[]>(CLAIM, [kind, 32, randomUUID(), 0, after])).toHaveLength(32);
        return await read() - before;
      });
    }
  });

  it('are each taken once, by however many claims at once', async () => {
    const kind = 'shared';
    await database.transaction(SYSTEM, (manager) => manager.query(`INSERT INTO work_item (kind, key, fair_group, visible_at) SELECT $1, 'k' || number, 'g' || number % 7, clock_timestamp() FROM generate_series(1, 1000) AS number`, [kind]));
    const taken: string[] = [];
    const worker = async (after: string): Promise<void> => {
      for (let misses = 0; misses < 20;) {
        const rows = await database.statement<{ key: string; reached: string }>(SYSTEM, CLAIM, [kind, 5, randomUUID(), 30_000, after]);
        if (rows.length === 0) misses += 1;
        after = rows[0]?.reached ?? after;
        taken.push(...rows.map(({ key }) => key));
      }
    };
    await Promise.all(['', '', 'g3', 'g5'].map(worker));
    expect([taken.length, new Set(taken).size]).toEqual([1_000, 1_000]);
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
