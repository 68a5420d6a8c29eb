import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { POOL_POD_SIZE, type WarmPoolStatus } from '../../contract/pool-resource.js';
import { systemContext, tenantJobContext, type TenantContext } from '../../platform/context/context.js';
import { QuotasService } from '../quotas/quotas.service.js';
import { PoolsParticipant } from './pools.participant.js';
import { PoolStatusesRepository } from './store/pool-statuses.repository.js';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

async function newTenant(): Promise<{ name: string; path: string; context: TenantContext }> {
  const name = randomName('team');
  const made = await api.operator.post('/v1/tenants', { name });
  expect(made.status).toBe(202);
  return { name, path: `/v1/tenants/${name}/pools`, context: tenantJobContext('pools-test', { id: made.body.id as string, name }) };
}

async function used(context: TenantContext): Promise<Record<string, number>> {
  const { pods, cpuMillis, memoryMb, ephemeralStorageMb } = (await api.plane.app.get(QuotasService).get(context)).used;
  return { pods, cpuMillis, memoryMb, ephemeralStorageMb };
}

const roomFor = (pods: number): Record<string, number> => ({
  pods, cpuMillis: pods * POOL_POD_SIZE.cpuMillis, memoryMb: pods * POOL_POD_SIZE.memoryMb, ephemeralStorageMb: pods * POOL_POD_SIZE.ephemeralStorageMb,
});

const SET = 'mutation($input: SetPoolsInput!) { setPools(input: $input) { pools { runtimes { runtime min max } effective { runtime max } etag } userErrors { code field } } }';

it('nothing waits until somebody says so', async () => {
  const { path } = await newTenant();
  const { status, body } = await api.operator.get(path);
  expect(status).toBe(200);
  expect(body).toMatchObject({ runtimes: [], effective: [{ runtime: 'python', min: 0, max: 0 }, { runtime: 'node', min: 0, max: 0 }, { runtime: 'go', min: 0, max: 0 }], updatedAt: null });
});

it('what may wait is held of the quota, whichever way it is set', async () => {
  const { name, path, context } = await newTenant();
  const put = await api.operator.put(path, { runtimes: [{ runtime: 'node', min: 1, max: 2 }, { runtime: 'go', min: 0, max: 1 }] });
  expect([put.status, put.body.runtimes]).toEqual([200, [{ runtime: 'node', min: 1, max: 2 }, { runtime: 'go', min: 0, max: 1 }]]);
  expect(await used(context)).toEqual(roomFor(3));
  const set = await api.operator.graphql(SET, { input: { tenant: name, runtimes: [{ runtime: 'PYTHON', min: 0, max: 1 }], ifMatch: put.body.etag } });
  expect(set.body.data.setPools).toMatchObject({ userErrors: [], pools: { runtimes: [{ runtime: 'PYTHON', min: 0, max: 1 }], effective: [{ runtime: 'PYTHON', max: 1 }, { runtime: 'NODE', max: 0 }, { runtime: 'GO', max: 0 }] } });
  expect(await used(context)).toEqual(roomFor(1));
  const stale = await api.operator.graphql(SET, { input: { tenant: name, runtimes: [], ifMatch: put.body.etag } });
  expect(stale.body.data.setPools.userErrors).toMatchObject([{ code: 'ETAG_MISMATCH' }]);
  expect(await used(context)).toEqual(roomFor(1));
});

it('what does not fit is refused by name, and nothing changes', async () => {
  const { path, context } = await newTenant();
  await api.operator.put(path, { runtimes: [{ runtime: 'go', min: 0, max: 1 }] });
  const before = (await api.operator.get(path)).body;
  const refused = await api.operator.put(path, { runtimes: [{ runtime: 'go', min: 0, max: 50 }, { runtime: 'node', min: 0, max: 50 }, { runtime: 'python', min: 0, max: 50 }] });
  expect([refused.status, refused.body.code]).toEqual([403, 'QUOTA_EXCEEDED']);
  expect((await api.operator.get(path)).body).toEqual(before);
  expect(await used(context)).toEqual(roomFor(1));
});

it.each([
  [[{ runtime: 'go', min: 2, max: 1 }], '/runtimes/0/min'],
  [[{ runtime: 'go', min: 0, max: 1 }, { runtime: 'go', min: 0, max: 1 }], '/runtimes/1/runtime'],
  [[{ runtime: 'image', min: 0, max: 1 }], '/runtimes/0/runtime'],
  [[{ runtime: 'go', min: 0, max: 51 }], '/runtimes/0/max'],
])('%j is refused at its place', async (runtimes, pointer) => {
  const { path } = await newTenant();
  const refused = await api.operator.put(path, { runtimes });
  expect(refused.status).toBe(422);
  expect(JSON.stringify(refused.body)).toContain(`"pointer":"${pointer}"`);
});

it('two changes at once follow each other: what is held is what is set', async () => {
  const { path, context } = await newTenant();
  await Promise.all([1, 2, 3].map((max) => api.operator.put(path, { runtimes: [{ runtime: 'node', min: 0, max }] })));
  const { runtimes } = (await api.operator.get(path)).body as { runtimes: { max: number }[] };
  expect(await used(context)).toEqual(roomFor(runtimes[0]?.max ?? 0));
});

it('while compute is suspended nothing waits, and what was set stays', async () => {
  const { name, path } = await newTenant();
  await api.operator.put(path, { runtimes: [{ runtime: 'go', min: 1, max: 1 }] });
  expect((await api.operator.put(`/v1/tenants/${name}/suspension`, { level: 'compute' })).status).toBe(202);
  const { body } = await api.operator.get(path);
  expect([body.runtimes, (body.effective as { max: number }[]).map(({ max }) => max)]).toEqual([[{ runtime: 'go', min: 1, max: 1 }], [0, 0, 0]]);
});

it('a tenant that goes leaves no row and holds nothing', async () => {
  const { path, context } = await newTenant();
  await api.operator.put(path, { runtimes: [{ runtime: 'go', min: 1, max: 2 }] });
  const participant = api.plane.app.get(PoolsParticipant, { strict: false });
  expect(await participant.teardown(context)).toEqual({ done: true });
  expect(await participant.teardown(context)).toEqual({ done: true });
  expect(await used(context)).toEqual(roomFor(0));
});

describe('what clusters say of a pool', () => {
  const SYSTEM = systemContext('pools-test');
  const statusOf = (ready: number): WarmPoolStatus => ({
    runtimes: [{ runtime: 'go', wanted: 2, size: 2, ready, claimed: 1, claims: 4, idleMs: 61_999, message: 'no room', refusal: { at: '2026-11-26T12:00:00.000Z', message: 'no room' } }],
    conditions: [{ type: 'Ready', status: 'False', reason: 'QuotaRefused', message: 'no room', lastTransitionTime: '2026-11-26T12:00:00Z' }],
  });

  async function newCluster(): Promise<{ id: string; name: string }> {
    const cluster = { id: randomUUID(), name: randomName('east') };
    await api.plane.database.transaction(SYSTEM, (manager) => manager.query('INSERT INTO cluster (id, name, region) VALUES ($1, $2, $3)', [cluster.id, cluster.name, 'test']));
    return cluster;
  }

  async function withPool(): Promise<{ name: string; path: string; context: TenantContext; cluster: { id: string; name: string }; statuses: PoolStatusesRepository }> {
    const tenant = await newTenant();
    await api.operator.put(tenant.path, { runtimes: [{ runtime: 'go', min: 1, max: 2 }] });
    return { ...tenant, cluster: await newCluster(), statuses: api.plane.app.get(PoolStatusesRepository, { strict: false }) };
  }

  it('is told the same through both APIs', async () => {
    const { name, path, context: { tenantId }, cluster, statuses } = await withPool();
    expect((await api.operator.get(path)).body.status).toEqual([]);
    await statuses.write(SYSTEM, cluster.id, { tenantId, uid: 'one', version: '10', status: statusOf(1) });
    const { status } = (await api.operator.get(path)).body;
    const runtime = { desired: 2, waiting: 2, ready: 1, serving: 1, recentClaims: 4, idlePodSeconds: 61, message: 'no room', lastRefusal: { at: '2026-11-26T12:00:00.000Z', message: 'no room' } };
    expect(status).toEqual([{
      cluster: cluster.name, runtimes: [{ runtime: 'go', ...runtime }], observedAt: expect.any(String) as string,
      conditions: [{ type: 'Ready', status: 'False', reason: 'QuotaRefused', message: 'no room', lastTransitionTime: '2026-11-26T12:00:00.000Z' }],
    }]);
    const query = 'query($t: String!) { tenant(tenant: $t) { pools { status { cluster runtimes { runtime desired waiting ready serving recentClaims idlePodSeconds message lastRefusal { at message } } conditions { reason } } } } }';
    expect((await api.operator.graphql(query, { t: name })).body.data.tenant.pools.status).toEqual([{ cluster: cluster.name, runtimes: [{ runtime: 'GO', ...runtime }], conditions: [{ reason: 'QuotaRefused' }] }]);
  });

  it('is undone by no late news, and goes with the object, the cluster and the tenant', async () => {
    const { path, context, context: { tenantId }, cluster, statuses } = await withPool();
    const ready = async (): Promise<unknown[]> => ((await api.operator.get(path)).body.status as { runtimes: { ready: number }[] }[]).map(({ runtimes }) => runtimes[0]?.ready);
    const write = (uid: string, version: string, count: number): Promise<void> => statuses.write(SYSTEM, cluster.id, { tenantId, uid, version, status: statusOf(count) });
    await write('one', '10', 2);
    await write('one', '9', 0);
    expect(await ready()).toEqual([2]);
    await statuses.remove(SYSTEM, cluster.id, tenantId, 'another');
    await statuses.retain(SYSTEM, cluster.id, ['one', 'another']);
    expect(await ready()).toEqual([2]);
    await statuses.remove(SYSTEM, cluster.id, tenantId, 'one');
    expect(await ready()).toEqual([]);
    await write('two', '20', 1);
    await statuses.retain(SYSTEM, cluster.id, ['three']);
    expect(await ready()).toEqual([]);
    await write('two', '21', 1);
    await api.plane.database.transaction(SYSTEM, (manager) => manager.query('DELETE FROM cluster WHERE id = $1', [cluster.id]));
    expect(await ready()).toEqual([]);
    await write('two', '22', 1);
    const other = await newCluster();
    await statuses.write(SYSTEM, other.id, { tenantId, uid: 'four', version: '30', status: statusOf(1) });
    expect(await ready()).toEqual([1]);
    await api.plane.app.get(PoolsParticipant, { strict: false }).teardown(context);
    await statuses.write(SYSTEM, other.id, { tenantId, uid: 'four', version: '31', status: statusOf(1) });
    expect(await ready()).toEqual([]);
  });
});
