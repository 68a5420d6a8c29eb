import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { tenantNamespace } from '../../contract/names.js';
import { systemContext, tenantJobContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { PlacementChooser } from './placement-chooser.js';
import { ClustersRepository } from './store/clusters.repository.js';
import { PlacementsRepository } from './store/placements.repository.js';

const SYSTEM = systemContext('test');

describe('clusters and placements', () => {
  let api: TestApi;
  let east: string;
  let west: string;
  beforeAll(async () => {
    api = await startApi();
    const rows = api.plane.app.get(ClustersRepository, { strict: false });
    east = (await rows.register(SYSTEM, { id: randomUUID(), name: 'east', region: 'eu' })).id;
    west = (await rows.register(SYSTEM, { id: randomUUID(), name: 'west', region: 'us' })).id;
    await rows.writeHeartbeat(SYSTEM, east, { kubernetes: 'v1.34.4', heartbeatAt: new Date(), message: null });
    await rows.writeHeartbeat(SYSTEM, west, { message: 'cluster west did not answer in time' });
  });
  afterAll(() => api.stop());

  async function tenant(): Promise<{ id: string; name: string }> {
    const { body } = await api.operator.post('/v1/tenants', { name: randomName('team') });
    return { id: body.id as string, name: body.name as string };
  }

  const place = (of: { id: string; name: string }) => api.plane.app.get(PlacementChooser, { strict: false }).placeFirst(tenantJobContext('test', of));

  it('are listed and read by operators of the platform, with what is wrong', async () => {
    const list = await api.operator.get('/v1/clusters');
    expect(list.body.items).toMatchObject([
      { name: 'east', region: 'eu', state: 'active', reachable: true, kubernetesVersion: 'v1.34.4' },
      { name: 'west', reachable: false, message: 'cluster west did not answer in time' },
    ]);
    expect((await api.operator.get('/v1/clusters?limit=1')).body.nextCursor).not.toBeNull();
    expect((await api.operator.get('/v1/clusters?name=west')).body.items.map((item: { id: string }) => item.id)).toEqual([west]);
    expect((await api.operator.get(`/v1/clusters/${east}`)).body.name).toBe('east');
    expect((await api.operator.get('/v1/clusters/east')).body.id).toBe(east);
    expect((await api.operator.get('/v1/clusters/north')).body).toMatchObject({ status: 404, code: 'CLUSTER_NOT_FOUND' });
  });

  it('are not shown to others', async () => {
    const person = await api.person();
    expect((await person.get('/v1/clusters')).status).toBe(403);
    expect((await person.graphql('{ clusters { nodes { name } } }')).body.errors[0].extensions.code).toBe('PERMISSION_DENIED');
    expect((await api.client().get('/v1/clusters')).status).toBe(401);
  });

  it('are registered once by name, with the region they have now', async () => {
    const rows = api.plane.app.get(ClustersRepository, { strict: false });
    const name = randomName('cluster');
    const all = await Promise.all(Array.from({ length: 5 }, () => rows.register(SYSTEM, { id: randomUUID(), name, region: 'a' })));
    expect(new Set(all.map((row) => row.id)).size).toBe(1);
    expect(await rows.register(SYSTEM, { id: randomUUID(), name, region: 'b' })).toMatchObject({ id: all[0]!.id, region: 'b' });
  });

  it('take a tenant once, however many ask; the tenant sees where', async () => {
    const team = await tenant();
    expect((await api.operator.get(`/v1/tenants/${team.name}/placements`)).body.items).toEqual([]);
    const all = await Promise.all(Array.from({ length: 5 }, () => place(team)));
    expect(all.every(([first]) => first!.placement.namespace === tenantNamespace(team.id))).toBe(true);
    const { body } = await api.operator.get(`/v1/tenants/${team.name}/placements`);
    expect(body.items).toMatchObject([{ clusterName: 'east', clusterId: east, region: 'eu', namespace: tenantNamespace(team.id), state: 'active', conditions: [] }]);
    const graph = await api.operator.graphql('query($t: String!) { tenant(tenant: $t) { placements { nodes { id clusterName state } } } placements(tenant: $t) { nodes { clusterName } } cluster(cluster: "east") { id uuid reachable state } }', { t: team.name });
    expect(graph.body.data).toMatchObject({
      tenant: { placements: { nodes: [{ clusterName: 'east', state: 'ACTIVE' }] } }, placements: { nodes: [{ clusterName: 'east' }] }, cluster: { uuid: east, reachable: true, state: 'ACTIVE' },
    });
    expect((await (await api.person()).get(`/v1/tenants/${team.name}/placements`)).status).toBe(404);
  });

  it('take no new tenants while cordoned', async () => {
    const database = api.plane.app.get(Database);
    const cordon = (state: string) => database.transaction(SYSTEM, (manager) => manager.query('UPDATE cluster SET state = $1', [state]));
    const team = await tenant();
    await cordon('cordoned');
    try {
      expect(await place(team)).toEqual([]);
    } finally {
      await cordon('active');
    }
    expect(await place(team)).toHaveLength(1);
  });

  it('are never filled beyond their capacity, however many are placed at once', async () => {
    const database = api.plane.app.get(Database);
    const bound = (capacity: string | null) => database.transaction(SYSTEM, (manager) => manager.query(`UPDATE cluster SET capacity = $1::jsonb WHERE name = 'east'`, [capacity]));
    const cordon = (state: string) => database.transaction(SYSTEM, (manager) => manager.query(`UPDATE cluster SET state = $1 WHERE name <> 'east'`, [state]));
    const teams = await Promise.all(Array.from({ length: 6 }, tenant));
    for (const { name } of teams) {
      const deployed = await api.operator.put(`/v1/tenants/${name}/functions/f`, { runtime: 'python', source: { inline: { 'handler.py': 'x = 1' } }, resources: { cpuMillis: 400 } });
      expect(deployed.status).toBe(202);
    }
    const { used } = (await api.operator.get('/v1/clusters/east')).body;
    // Room for two of the six.
    await bound(JSON.stringify({ cpuMillis: used.cpuMillis + 900, memoryMb: 100_000_000, pods: 1_000_000 }));
    await cordon('cordoned');
    try {
      const placed = await Promise.all(teams.map(place));
      expect(placed.filter((places) => places.length > 0)).toHaveLength(2);
      expect((await api.operator.get('/v1/clusters/east')).body.used.cpuMillis).toBe(used.cpuMillis + 800);
      expect((await api.operator.get(`/v1/tenants/${teams[placed.findIndex((places) => places.length === 0)]!.name}/placement`)).body.effective.whyHere.find((one: { clusterName: string }) => one.clusterName === 'east'))
        .toMatchObject({ verdict: 'excluded', reason: 'Full', message: 'What the tenant has reserved does not fit into what is left of its capacity.' });
    } finally {
      await bound(null);
      await cordon('active');
    }
  });

  it('keep tenants\' placements apart in the database itself, and their own rows from tenants\' hands', async () => {
    const [one, two] = [await tenant(), await tenant()];
    await place(one);
    await place(two);
    const database = api.plane.app.get(Database);
    const asOne = <T>(statement: string, values: unknown[] = []): Promise<T[]> => database.transaction(tenantJobContext('test', one), (manager) => manager.query<T[]>(statement, values));
    expect(await asOne('SELECT tenant_id FROM placement')).toEqual([{ tenant_id: one.id }]);
    await expect(asOne('INSERT INTO placement (tenant_id, cluster_id, namespace, state) VALUES ($1, $2, $3, \'active\')', [two.id, west, 'x'])).rejects.toThrow(/row-level security/);
    await expect(asOne('DELETE FROM placement')).rejects.toThrow(/permission denied/);
    await expect(asOne('UPDATE cluster SET message = \'x\'')).rejects.toThrow(/permission denied/);
  });

  it('remember what was applied beside what was applied before, and a demand to verify made meanwhile', async () => {
    const team = await tenant();
    await place(team);
    const context = tenantJobContext('test', team);
    const rows = api.plane.app.get(PlacementsRepository, { strict: false });
    const of = async () => (await rows.findAll(context))[0]!;
    const seen = await of();
    await rows.demandVerification(SYSTEM, seen);
    await rows.record(context, east, { namespaceUid: 'u', applied: { a: { input: '1', observed: '1' } }, replace: true, verifiedAt: new Date(), observedGeneration: seen.generation });
    await rows.record(context, east, { applied: { b: { input: '2', observed: '2' } } });
    const now = await of();
    expect(Object.keys(now.applied).sort()).toEqual(['a', 'b']);
    expect([now.namespaceUid, now.observedGeneration < now.generation]).toEqual(['u', true]);
    await rows.record(context, east, { applied: { c: { input: '3', observed: '3' } }, replace: true });
    expect(Object.keys((await of()).applied)).toEqual(['c']);
  });
});
