import '../../app.module.js';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/postgres.js';
import { systemContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { JobQueue } from '../../platform/jobs/job-queue.js';
import { QuotasRepository } from '../quotas/store/quotas.repository.js';
import { SpendLimits } from '../quotas/spend-limits.js';
import { LedgerService } from './ledger.service.js';
import type { Reading } from './reading.js';
import { LedgerRepository } from './store/ledger.repository.js';

const SYSTEM = systemContext('test');

interface Sums {
  rows: number;
  invocations: number;
  ms: number;
  mbMs: string;
}

describe('the ledger', () => {
  let server: TestDatabase;
  let database: Database;
  let tenantId: string;
  let life: string;

  beforeAll(async () => {
    server = await createTestDatabase();
    database = new Database({ url: server.url, poolSize: 10 });
    await database.open();
  });
  afterAll(async () => {
    await database.close();
    await server.drop();
  });
  beforeEach(async () => {
    tenantId = randomUUID();
    life = `life-${randomUUID()}`;
    await database.transaction(SYSTEM, (manager) => manager.query(`INSERT INTO tenant (id, name, plan, state) VALUES ($1, $2, 'standard', 'active')`, [tenantId, `t-${tenantId.slice(0, 8)}`]));
  });

  /** A meter that has just started: it remembers nothing. */
  const meter = (): LedgerService => new LedgerService(database, new LedgerRepository(database), new SpendLimits(new QuotasRepository(database), new JobQueue(database)));

  const reading = (invocations: number, more: Partial<Reading> = {}): Reading => ({
    instance: life, tenantId, functionId: '11111111-1111-4111-8111-111111111111', functionName: 'fn', revision: 1, cluster: 'c', memoryMb: 128, cpuMillis: 100,
    totals: { invocations, billedMs: invocations * 10, requestBytes: invocations, responseBytes: invocations * 2 }, at: new Date(), ...more,
  });

  async function sums(): Promise<Sums> {
    const [row] = await database.transaction(SYSTEM, (manager) => manager.query<Sums[]>(
      `SELECT count(*)::int AS rows, coalesce(sum(invocations), 0)::int AS invocations, coalesce(sum(billed_ms), 0)::int AS ms, coalesce(sum(mb_ms), 0)::text AS "mbMs" FROM usage_record WHERE tenant_id = $1`, [tenantId]));
    return row!;
  }

  it('books the difference of totals, with the size of the function', async () => {
    await meter().book([reading(3)]);
    await meter().book([reading(5)]);
    expect(await sums()).toEqual({ rows: 2, invocations: 5, ms: 50, mbMs: '6400' });
  });

  it('adds nothing for a total it has booked, nor for one that comes late', async () => {
    const first = meter();
    await first.book([reading(4)]);
    expect(await first.book([reading(4)])).toBe(0);
    expect(await meter().book([reading(4), reading(2)])).toBe(0);
    expect(await sums()).toMatchObject({ rows: 1, invocations: 4 });
  });

  it('counts once what twenty meters read at the same time', async () => {
    const instance = `life-${randomUUID()}`;
    for (let total = 1; total <= 5; total += 1) {
      await Promise.all(Array.from({ length: 20 }, () => meter().book([reading(total * 7, { instance })])));
    }
    expect(await sums()).toMatchObject({ rows: 5, invocations: 35 });
  });

  it('starts a new process life at nothing', async () => {
    await meter().book([reading(10, { instance: `life-${randomUUID()}` })]);
    await meter().book([reading(1, { instance: `life-${randomUUID()}` })]);
    expect(await sums()).toMatchObject({ invocations: 11 });
  });

  it('keeps the last words of a pod apart from a late page of it', async () => {
    const instance = `life-${randomUUID()}`;
    await meter().book([reading(9, { instance }), reading(6, { instance })]);
    await meter().book([reading(6, { instance })]);
    expect(await sums()).toMatchObject({ rows: 1, invocations: 9 });
  });

  it('books what each of two gateways counted of one function, however often and by whomever they are read', async () => {
    const [one, other] = [`gateway-${randomUUID()}`, `gateway-${randomUUID()}`];
    for (const totals of [[3, 2], [8, 2], [8, 9]] as const) {
      await Promise.all(Array.from({ length: 4 }, () => meter().book([reading(totals[0], { instance: one }), reading(totals[1], { instance: other })])));
    }
    expect(await sums()).toMatchObject({ rows: 4, invocations: 17 });
  });

  it('tells lives of the same name on two clusters apart', async () => {
    const instance = `life-${randomUUID()}`;
    await meter().book([reading(5, { instance }), reading(3, { instance, cluster: 'd' })]);
    await meter().book([reading(6, { instance }), reading(6, { instance, cluster: 'd' })]);
    expect(await sums()).toMatchObject({ rows: 4, invocations: 12 });
  });

  it('never books to another tenant than the one a life began with', async () => {
    const instance = `life-${randomUUID()}`;
    await meter().book([reading(2, { instance })]);
    const other = randomUUID();
    await database.transaction(SYSTEM, (manager) => manager.query(`INSERT INTO tenant (id, name, plan, state) VALUES ($1, $2, 'standard', 'active')`, [other, `t-${other.slice(0, 8)}`]));
    await meter().book([reading(9, { instance, tenantId: other })]);
    expect(await sums()).toMatchObject({ invocations: 2 });
  });

  it('leaves out readings of tenants that do not exist, and books the rest', async () => {
    await meter().book([reading(1, { tenantId: randomUUID(), instance: `life-${randomUUID()}` }), reading(2, { instance: `life-${randomUUID()}` })]);
    expect(await sums()).toMatchObject({ rows: 1, invocations: 2 });
  });

  it('cannot be changed or emptied by any role of the platform', async () => {
    await meter().book([reading(1, { instance: `life-${randomUUID()}` })]);
    for (const statement of ['UPDATE usage_record SET invocations = 0', 'DELETE FROM usage_record', 'TRUNCATE usage_record']) {
      await expect(database.transaction(SYSTEM, (manager) => manager.query(statement))).rejects.toThrow(/permission denied/);
    }
  });
});
