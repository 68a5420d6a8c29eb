import '../../app.module.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/postgres.js';
import { systemContext } from '../context/context.js';
import { Database } from '../database/database.js';
import { registry } from '../observability/metrics.js';
import { JobQueue } from './job-queue.js';
import { JobQueueGauges } from './job-queue-gauges.js';

const SYSTEM = systemContext('test');

describe('what is shown of the queue', () => {
  let server: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    server = await createTestDatabase();
    database = new Database({ url: server.url, poolSize: 4 });
    await database.open();
    const queue = new JobQueue(database);
    for (const [kind, key, delayMs] of [['shown', 'a', 0], ['shown', 'b', 0], ['shown', 'later', 600_000], ['unknown', 'a', 0]] as const) await queue.enqueue(SYSTEM, { kind, key, delayMs });
    await database.transaction(SYSTEM, (manager) => manager.query(`UPDATE work_item SET visible_at = clock_timestamp() - interval '90 seconds' WHERE key = 'a'`));
    await database.transaction(SYSTEM, (manager) => manager.query(`UPDATE work_item SET attempts = 10 WHERE key = 'later'`));
  });
  afterAll(async () => {
    await database.close();
    await server.drop();
  });

  async function shown(name: string): Promise<Record<string, number>> {
    const { values } = await registry.getSingleMetric(`fnplane_jobs_${name}`)!.get();
    return Object.fromEntries(values.map(({ labels, value }) => [String(labels.kind), value]));
  }

  it('is what is due, for how long, and what fails, of the kinds that this process knows, none left out', async () => {
    const gauges = new JobQueueGauges(database, ['shown', 'idle'], 20);
    gauges.start();
    await eventually(async () => expect(await shown('due')).toEqual({ shown: 2, idle: 0 }), { withinMs: 5_000 });
    expect(await shown('failing')).toEqual({ shown: 1, idle: 0 });
    const oldest = await shown('oldest_due_seconds');
    expect(oldest).toEqual({ shown: expect.closeTo(95, -1) as number, idle: 0 });
    await gauges.stop();
    expect(await shown('due')).toEqual({});
  });

  it('is nothing while Postgres cannot be read, and all of it again afterwards', async () => {
    let broken = true;
    const flaky = { statement: (...args: Parameters<Database['statement']>) => (broken ? Promise.reject(new Error('away')) : database.statement(...args)) } as Database;
    const gauges = new JobQueueGauges(database, ['shown'], 20);
    gauges.start();
    await eventually(async () => expect(await shown('due')).toEqual({ shown: 2 }), { withinMs: 5_000 });
    await gauges.stop();
    const failing = new JobQueueGauges(flaky, ['shown'], 20);
    failing.start();
    await eventually(async () => expect(await shown('due')).toEqual({}), { withinMs: 5_000 });
    broken = false;
    await eventually(async () => expect(await shown('due')).toEqual({ shown: 2 }), { withinMs: 5_000 });
    await failing.stop();
  });

  it('walks indexes alone', async () => {
    const rows = await database.transaction(SYSTEM, async (manager) => {
      await manager.query('SET LOCAL enable_seqscan = off');
      return manager.query<{ 'QUERY PLAN': string }[]>(`EXPLAIN SELECT FROM work_item WHERE kind = 'shown' AND attempts >= 10 LIMIT 100000`);
    });
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('work_item_failing');
  });

  it('stands beside what the pool of connections is used for', async () => {
    const connections = Object.fromEntries((await registry.getSingleMetric('fnplane_database_connections')!.get()).values.map(({ labels, value }) => [String(labels.state), value]));
    expect(connections.idle).toBeGreaterThanOrEqual(1);
    expect((await registry.getSingleMetric('fnplane_database_connections_limit')!.get()).values[0]!.value).toBeGreaterThanOrEqual(4);
  });
});
