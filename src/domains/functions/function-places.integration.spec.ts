import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import type { Condition } from '../../contract/function-resource.js';
import { systemContext } from '../../platform/context/context.js';
import { ClustersRepository } from '../clusters/store/clusters.repository.js';
import { ReconcileFunctionJob } from './jobs/reconcile-function.job.js';
import { RevisionBuilder } from './jobs/revision-builder.js';

const SYSTEM = systemContext('spec');
const SOURCE = { runtime: 'python', source: { inline: { 'handler.py': 'x = 1' } } };
const CAUSE = { regions: ['us'], clusterLabels: { tier: 'silver' } };

let api: TestApi;
let tenant: { id: string; name: string };
let path: string;

beforeAll(async () => {
  api = await startApi();
  const clusters = api.plane.app.get(ClustersRepository, { strict: false });
  for (const [name, region, labels] of [['east', 'eu', { tier: 'gold' }], ['west', 'us', {}]] as const) {
    const { id } = await clusters.register(SYSTEM, { id: randomUUID(), name, region });
    await clusters.update(SYSTEM, id, { labels });
    await clusters.writeHeartbeat(SYSTEM, id, { heartbeatAt: new Date(), message: null });
  }
  vi.spyOn(api.plane.app.get(RevisionBuilder, { strict: false }), 'ensure').mockImplementation((_, fn) => Promise.resolve(fn));
});
afterAll(async () => {
  vi.restoreAllMocks();
  await api.stop();
});
beforeEach(async () => {
  tenant = (await api.operator.post('/v1/tenants', { name: randomName('t') })).body as typeof tenant;
  path = `/v1/tenants/${tenant.name}/functions/f`;
});

const rows = <T>(sql: string, values: unknown[] = []): Promise<T[]> => api.plane.database.transaction(SYSTEM, (manager) => manager.query<T[]>(sql, values));

describe('what a function asks of its places', () => {
  it.each<[string, object, object, string]>([
    ['a region that there is not', { regions: ['ap'] }, {}, '/placement/regions'],
    ['labels that no cluster of the region has', CAUSE, {}, '/placement/clusterLabels'],
    ['more clusters than meet it', { regions: ['eu'], clusters: 2 }, {}, '/placement/clusters'],
    ['more clusters than pods', { clusters: 2 }, { scaling: { max: 1 } }, '/placement/clusters'],
  ])('is refused, by both APIs, where it is %s', async (_, placement, more, pointer) => {
    const body = { ...SOURCE, ...more, placement };
    const refused = await api.operator.put(path, body);
    expect([refused.status, refused.body.code, refused.body.errors.map((error: { pointer: string }) => error.pointer)]).toEqual([422, 'FUNCTION_INVALID', [pointer]]);
    const graph = await api.operator.graphql('mutation($i: DeployFunctionInput!) { deployFunction(input: $i) { userErrors { code field } } }', { i: { tenant: tenant.name, function: { name: 'f', ...body, runtime: 'PYTHON' } } });
    expect(graph.body.data.deployFunction.userErrors).toEqual([{ code: 'FUNCTION_INVALID', field: ['input', 'function', ...pointer.split('/').slice(1)] }]);
    expect((await api.operator.get(path)).status).toBe(404);
  });

  it('is refused where its tenant may not be', async () => {
    await api.operator.put(`/v1/tenants/${tenant.name}/placement`, { regions: ['eu'] });
    const refused = await api.operator.put(path, { ...SOURCE, placement: { regions: ['us'] } });
    expect([refused.status, refused.body.errors]).toEqual([422, [{ pointer: '/placement/regions', message: expect.stringContaining('are in eu') as string }]]);
  });

  it('is kept as it was sent, is no new revision, and shows in the function and in its places', async () => {
    expect((await api.operator.put(path, { ...SOURCE, placement: { clusters: 2 } })).status).toBe(202);
    const { body } = await api.operator.get(path);
    expect([body.placement, body.effective.scaling]).toMatchObject([{ clusters: 2 }, { min: 2, max: 2 }]);
    const changed = await api.operator.patch(path, { placement: { clusters: 1, clusterLabels: { tier: 'gold' } } });
    expect([changed.status, changed.body.placement, changed.body.status.targetRevision]).toEqual([202, { clusters: 1, clusterLabels: { tier: 'gold' } }, 1]);
    const places = await api.operator.get(`${path}/places`);
    expect(places.body).toMatchObject({
      functionId: body.id, placement: { clusters: 1, clusterLabels: { tier: 'gold' } }, places: [], missing: 0,
      whyHere: [{ clusterName: 'east', verdict: 'chosen' }, { clusterName: 'west', verdict: 'excluded', reason: 'OtherLabels', message: 'It is not labelled tier=gold.' }],
    });
    expect((await api.operator.get(`/v1/tenants/${tenant.name}/functions/none/places`)).body.code).toBe('FUNCTION_NOT_FOUND');
    expect((await (await api.person()).get(`${path}/places`)).status).toBe(404);
  });

  it('takes room in the quota for a pod on each cluster', async () => {
    const pods = async () => (await api.operator.get(`/v1/tenants/${tenant.name}/quota`)).body.used.pods as number;
    await api.operator.put(path, SOURCE);
    expect(await pods()).toBe(1);
    await api.operator.patch(path, { placement: { clusters: 2 } });
    expect(await pods()).toBe(2);
    await api.operator.patch(path, { placement: null });
    expect(await pods()).toBe(1);
  });

  it('names the cause in a condition while no cluster can be had', async () => {
    await rows(`UPDATE cluster SET state = 'cordoned' WHERE name = 'west'`);
    try {
      const { body } = await api.operator.put(path, { ...SOURCE, placement: { regions: ['us'] } });
      await api.plane.app.get(ReconcileFunctionJob, { strict: false }).handle(`${tenant.id}/${body.id as string}`, new AbortController().signal);
      const condition = ((await api.operator.get(path)).body.status.conditions as Condition[]).find(({ type }) => type === 'Ready');
      expect(condition).toMatchObject({ status: 'False', reason: 'PlacementFailed', message: expect.stringContaining('west: It takes no new tenants.') as string });
    } finally {
      await rows(`UPDATE cluster SET state = 'active' WHERE name = 'west'`);
    }
  });

  it('asks for its tenant to be there as soon as it has a place', async () => {
    const { body } = await api.operator.put(path, { ...SOURCE, placement: { regions: ['us'] } });
    await api.plane.app.get(ReconcileFunctionJob, { strict: false }).handle(`${tenant.id}/${body.id as string}`, new AbortController().signal);
    expect((await api.operator.get(`${path}/places`)).body.places).toMatchObject([{ clusterName: 'west', region: 'us', state: 'active', min: 1, max: 1 }]);
    expect(await rows(`SELECT 1 FROM work_item WHERE kind = 'placement' AND key = $1`, [tenant.id])).toHaveLength(1);
  });
});
