import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { randomName, startApi, type TestApi } from '../support/api.js';
import { PYTHON } from '../support/contract/examples.js';
import { expectExactBooks } from '../support/reservations.js';

const DEPLOYS = 200;
const ROOM = 150;

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; answer: T }> {
  const from = performance.now();
  return { answer: await work(), ms: performance.now() - from };
}

it('200 deployments of one tenant at once do not overshoot, and another tenant hardly notices them', async () => {
  const [busy, calm] = [randomName('busy'), randomName('calm')];
  const { body } = await api.operator.post('/v1/tenants', { name: busy });
  await api.operator.post('/v1/tenants', { name: calm });
  await api.operator.patch(`/v1/tenants/${busy}/quota`, { overrides: { functions: ROOM, pods: 1_000, cpuMillis: 100_000, memoryMb: 100_000, ephemeralStorageMb: 100_000 } });
  expect((await api.operator.put(`/v1/tenants/${calm}/functions/f`, PYTHON)).status).toBe(202);

  let left = DEPLOYS;
  const flood = timed(() => Promise.all(Array.from({ length: DEPLOYS }, async (_, index) => {
    const answer = await api.operator.put(`/v1/tenants/${busy}/functions/f${index}`, PYTHON);
    left -= 1;
    return answer;
  })));
  const reads: number[] = [];
  while (left > 0) {
    const { ms, answer } = await timed(() => api.operator.get(`/v1/tenants/${calm}/functions/f`));
    expect(answer.status).toBe(200);
    reads.push(ms);
  }
  const { ms: total, answer: answers } = await flood;
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(ROOM);
  expect(answers.filter(({ status, body: problem }) => status === 403 && problem.code === 'QUOTA_EXCEEDED')).toHaveLength(DEPLOYS - ROOM);
  expect(await expectExactBooks(api.plane.database, body.id as string)).toMatchObject({ functions: ROOM, pods: ROOM });
  // Generous: this machine is shared. The next test is the exact one.
  reads.sort((a, b) => a - b);
  expect(reads[Math.floor(reads.length / 2)]).toBeLessThan(total / 10);
  expect(reads.at(-1)).toBeLessThan(total / 2);
}, 60_000);

it('work that waits for one tenant\'s row leaves connections to all other tenants', async () => {
  const [busy, calm] = [randomName('busy'), randomName('calm')];
  const { body } = await api.operator.post('/v1/tenants', { name: busy });
  await api.operator.post('/v1/tenants', { name: calm });
  expect((await api.operator.put(`/v1/tenants/${calm}/functions/f`, PYTHON)).status).toBe(202);
  const holder = new Client({ connectionString: api.config.DATABASE_URL });
  await holder.connect();
  try {
    await holder.query('BEGIN');
    await holder.query('SELECT FROM tenant_quota WHERE tenant_id = $1 FOR UPDATE', [body.id]);
    let answered = 0;
    const deploys = Array.from({ length: 40 }, async (_, index) => {
      const { status } = await api.operator.put(`/v1/tenants/${busy}/functions/f${index}`, PYTHON);
      answered += 1;
      return status;
    });
    // All that may wait in Postgres do, the others before it: more than the pool has connections.
    await eventually(async () => {
      const { rows } = await holder.query<{ waiting: number }>(`SELECT count(*)::integer AS waiting FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`);
      expect(rows[0]!.waiting).toBeGreaterThanOrEqual(api.config.FNPLANE_DATABASE_POOL / 2);
    }, { withinMs: 5_000 });
    for (let round = 0; round < 5; round += 1) expect((await api.operator.get(`/v1/tenants/${calm}/functions/f`)).status).toBe(200);
    expect((await api.operator.put(`/v1/tenants/${calm}/functions/g`, PYTHON)).status).toBe(202);
    expect(answered).toBe(0);
    await holder.query('ROLLBACK');
    expect(await Promise.all(deploys)).toEqual(Array.from({ length: 40 }, () => 202));
  } finally {
    await holder.end();
  }
}, 60_000);
