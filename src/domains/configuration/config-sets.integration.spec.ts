import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { tenantJobContext, type TenantContext } from '../../platform/context/context.js';
import { ConfigSetsService } from './config-sets.service.js';
import { ConfigurationListeners, type ConfigurationReference } from './configuration-listeners.js';
import { ConfigurationParticipant } from './configuration-participant.js';
import { EnvironmentService } from './environment.service.js';

let api: TestApi;
const users = new Map<string, string[]>();
const changes: ConfigurationReference[] = [];

beforeAll(async () => {
  api = await startApi();
  // Stands for the functions that use a set.
  api.plane.app.get(ConfigurationListeners).register({
    changed: async (_, reference) => void changes.push(reference),
    usersOf: async (_, { kind, name }) => users.get(`${kind}/${name}`) ?? [],
  });
});
afterAll(() => api.stop());

async function newTenant(plan = 'small'): Promise<{ name: string; path: string; context: TenantContext }> {
  const name = randomName('team');
  const made = await api.operator.post('/v1/tenants', { name, plan });
  return { name, path: `/v1/tenants/${name}/configs`, context: tenantJobContext('configuration-test', { id: made.body.id as string, name }) };
}

describe('config sets over REST', () => {
  it('are created, read by name and id, listed, replaced, changed and deleted', async () => {
    const { path } = await newTenant();
    const made = await api.operator.post(path, { name: 'db', data: { HOST: 'db.internal', PORTS: '5432' } });
    expect([made.status, made.headers.get('location')]).toEqual([201, `${path}/db`]);
    expect(made.body).toMatchObject({ name: 'db', data: { HOST: 'db.internal', PORTS: '5432' }, version: 1 });
    const read = await api.operator.get(`${path}/${made.body.id as string}`);
    expect(read.body).toEqual(made.body);
    expect(read.headers.get('etag')).toBe(`"${made.body.etag as string}"`);

    const put = await api.operator.put(`${path}/db`, { data: { HOST: 'other' } });
    expect([put.status, put.body.version, put.body.data]).toEqual([200, 2, { HOST: 'other' }]);
    const patched = await api.operator.patch(`${path}/db`, { data: { HOST: null, USER: 'u', PASS_FILE: '/x' } });
    expect([patched.status, patched.body.version, patched.body.data]).toEqual([200, 3, { USER: 'u', PASS_FILE: '/x' }]);

    await api.operator.put(`${path}/cache`, { data: {} });
    const page = await api.operator.get(`${path}?limit=1`);
    expect(page.body.items.map((item: { name: string }) => item.name)).toEqual(['db']);
    expect((await api.operator.get(`${path}?limit=1&cursor=${page.body.nextCursor as string}`)).body).toMatchObject({ items: [{ name: 'cache', data: {} }], nextCursor: null });
    expect((await api.operator.get(`${path}?name=cache`)).body.items).toHaveLength(1);

    expect((await api.operator.delete(`${path}/db`)).status).toBe(204);
    expect((await api.operator.get(`${path}/db`)).body).toMatchObject({ status: 404, code: 'CONFIG_NOT_FOUND' });
    expect((await api.operator.delete(`${path}/db`)).status).toBe(404);
  });

  it('are created by PUT, which changes nothing when it says the same again', async () => {
    const { path } = await newTenant();
    const first = await api.operator.put(`${path}/app`, { data: { B: '2', A: '1' } });
    expect([first.status, first.headers.get('location')]).toEqual([201, `${path}/app`]);
    changes.length = 0;
    const again = await api.operator.put(`${path}/app`, { data: { A: '1', B: '2' } });
    expect([again.status, again.body.version, again.body.etag]).toEqual([200, 1, first.body.etag]);
    expect(changes).toEqual([]);
    await api.operator.put(`${path}/app`, { data: { A: '2' } });
    expect(changes).toEqual([{ kind: 'config', name: 'app' }]);
  });

  it('refuse a second one of the same name, and a change of one that is not there', async () => {
    const { path } = await newTenant();
    await api.operator.post(path, { name: 'app', data: {} });
    const taken = await api.operator.post(path, { name: 'app', data: { A: '1' } });
    expect([taken.status, taken.body.code, taken.body.errors[0].pointer]).toEqual([409, 'CONFIG_NAME_TAKEN', '/name']);
    expect((await api.operator.patch(`${path}/none`, { data: {} })).status).toBe(404);
    expect((await api.operator.put(`${path}/00000000-0000-4000-8000-000000000000`, { data: {} })).status).toBe(404);
    expect((await api.operator.put(`${path}/none`, { data: {} }, { headers: { 'if-match': '*' } })).status).toBe(412);
  });

  it('honour If-Match', async () => {
    const { path } = await newTenant();
    const made = await api.operator.post(path, { name: 'app', data: { A: '1' } });
    const headers = { 'if-match': `"${made.body.etag as string}"` };
    expect((await api.operator.put(`${path}/app`, { data: { A: '2' } }, { headers })).status).toBe(200);
    for (const refused of [
      await api.operator.put(`${path}/app`, { data: { A: '3' } }, { headers }),
      await api.operator.patch(`${path}/app`, { data: { A: '3' } }, { headers }),
      await api.operator.delete(`${path}/app`, { headers }),
    ]) expect([refused.status, refused.body.code]).toEqual([412, 'ETAG_MISMATCH']);
    expect((await api.operator.get(`${path}/app`)).body.data).toEqual({ A: '2' });
  });

  it.each([
    ['a bad name', { name: 'Bad_Name', data: {} }, '/name'],
    ['no data', { name: 'app' }, '/data'],
    ['an unknown field', { name: 'app', data: {}, colour: 'red' }, '/colour'],
    ['a list', { name: 'app', data: ['A'] }, '/data'],
    ['a number', { name: 'app', data: { A: 1 } }, '/data'],
    ['null outside a patch', { name: 'app', data: { A: null } }, '/data'],
    ['a bad variable name', { name: 'app', data: { 'A-B': 'x' } }, '/data/A-B'],
    ['PORT', { name: 'app', data: { PORT: '1' } }, '/data/PORT'],
    ['a name of the platform', { name: 'app', data: { FNPLANE_TENANT: 'other' } }, '/data/FNPLANE_TENANT'],
  ])('are refused with %s, and nothing is left', async (_, body, pointer) => {
    const { name, path } = await newTenant();
    const refused = await api.operator.post(path, body);
    expect([refused.status, refused.body.errors?.[0].pointer]).toEqual([422, pointer]);
    expect((await api.operator.get(path)).body.items).toEqual([]);
    expect((await api.operator.get(`/v1/tenants/${name}/quota`)).body.used.configSets).toBe(0);
  });

  it('are refused when too large as a whole, also when a patch makes them so', async () => {
    const { path } = await newTenant();
    const value = 'x'.repeat(60 * 1024);
    const made = await api.operator.post(path, { name: 'app', data: { A: value, B: value, C: value, D: value } });
    expect(made.status).toBe(201);
    const refused = await api.operator.patch(`${path}/app`, { data: { E: value } });
    expect([refused.status, refused.body.code]).toEqual([413, 'CONFIGURATION_TOO_LARGE']);
    expect((await api.operator.get(`${path}/app`)).body.version).toBe(1);
  });

  it('count against the quota until they are deleted', async () => {
    const { name, path } = await newTenant();
    await api.operator.patch(`/v1/tenants/${name}/quota`, { overrides: { configSets: 1 } });
    expect((await api.operator.post(path, { name: 'one', data: {} })).status).toBe(201);
    for (const refused of [await api.operator.post(path, { name: 'two', data: {} }), await api.operator.put(`${path}/two`, { data: {} })]) {
      expect([refused.status, refused.body.code]).toEqual([403, 'QUOTA_EXCEEDED']);
      expect(refused.body.detail).toBe('The tenant\'s quota allows 1 configuration set and 1 is in use; delete one or ask for a higher quota.');
      expect(refused.body.details).toEqual({ limit: 'configSets', allowed: 1, used: 1, requested: 1 });
    }
    expect((await api.operator.put(`${path}/one`, { data: { A: '1' } })).status).toBe(200);
    await api.operator.delete(`${path}/one`);
    expect((await api.operator.put(`${path}/two`, { data: {} })).status).toBe(201);
  });

  it('survive many creations of one name at once as one', async () => {
    const { name, path } = await newTenant();
    const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => api.operator.put(`${path}/app`, { data: { A: String(index) } })));
    expect(answers.map((answer) => answer.status).sort()).toEqual([...Array.from({ length: 11 }, () => 200), 201]);
    expect((await api.operator.get(`${path}/app`)).body.version).toBe(12);
    expect((await api.operator.get(`/v1/tenants/${name}/quota`)).body.used.configSets).toBe(1);
  });

  it('leave no row behind when only validated', async () => {
    const { name, path } = await newTenant();
    expect((await api.operator.post(`${path}?validateOnly=true`, { name: 'app', data: {} })).status).toBe(200);
    expect((await api.operator.post(`${path}?validateOnly=true`, { name: 'App', data: {} })).status).toBe(422);
    expect((await api.operator.get(path)).body.items).toEqual([]);
    expect((await api.operator.get(`/v1/tenants/${name}/quota`)).body.used.configSets).toBe(0);
  });

  it('belong to their tenant: others see 404, viewers only read', async () => {
    const [one, other] = [await newTenant(), await newTenant()];
    const made = await api.operator.post(one.path, { name: 'app', data: { A: '1' } });
    expect((await api.operator.get(`${other.path}/${made.body.id as string}`)).status).toBe(404);
    const subject = randomName('user');
    await api.operator.post(`/v1/tenants/${one.name}/members`, { issuer: 'https://tests.fnplane.invalid', subject, role: 'viewer' });
    const viewer = await api.person(subject);
    expect((await viewer.get(`${one.path}/app`)).status).toBe(200);
    expect((await viewer.put(`${one.path}/app`, { data: {} })).status).toBe(403);
    expect((await viewer.get(`${other.path}/app`)).status).toBe(404);
  });

  it('are frozen with their tenant', async () => {
    const { name, path } = await newTenant();
    await api.operator.put(`/v1/tenants/${name}/suspension`, { level: 'writes' });
    expect((await api.operator.put(`${path}/app`, { data: {} })).body.code).toBe('TENANT_SUSPENDED');
    await api.operator.put(`/v1/tenants/${name}/suspension`, { level: 'none' });
    await api.operator.delete(`/v1/tenants/${name}`);
    expect((await api.operator.put(`${path}/app`, { data: {} })).body.code).toBe('TENANT_DELETING');
  });
});

describe('config sets over GraphQL', () => {
  const FIELDS = 'id uuid name data version etag';

  it('go the same way', async () => {
    const { name, path } = await newTenant();
    const put = `mutation($input: PutConfigSetInput!) { putConfigSet(input: $input) { configSet { ${FIELDS} } userErrors { field code message } } }`;
    const made = await api.operator.graphql(put, { input: { tenant: name, name: 'app', data: { A: '1' } } });
    expect(made.body).toMatchObject({ data: { putConfigSet: { configSet: { name: 'app', data: { A: '1' }, version: 1 }, userErrors: [] } } });
    const { uuid, etag } = made.body.data.putConfigSet.configSet as { uuid: string; etag: string };
    expect((await api.operator.get(`${path}/app`)).body).toMatchObject({ id: uuid, etag });

    const changed = await api.operator.graphql('mutation($input: ChangeConfigSetInput!) { changeConfigSet(input: $input) { configSet { data } userErrors { code } } }', { input: { tenant: name, name: uuid, data: { A: null, B: '2' }, ifMatch: etag } });
    expect(changed.body.data.changeConfigSet).toEqual({ configSet: { data: { B: '2' } }, userErrors: [] });
    const stale = await api.operator.graphql(put, { input: { tenant: name, name: 'app', data: {}, ifMatch: etag } });
    expect(stale.body.data.putConfigSet).toMatchObject({ configSet: null, userErrors: [{ code: 'ETAG_MISMATCH' }] });
    const wrong = await api.operator.graphql(put, { input: { tenant: name, name: 'app', data: { PORT: '1' } } });
    expect(wrong.body.data.putConfigSet.userErrors).toMatchObject([{ code: 'CONFIGURATION_INVALID', field: ['input', 'data', 'PORT'] }]);

    const read = await api.operator.graphql(`query($t: String!) { configSet(tenant: $t, configSet: "app") { name data } configSets(tenant: $t) { nodes { name } } tenant(tenant: $t) { configSets(first: 1) { nodes { ${FIELDS} } pageInfo { hasNextPage } } } }`, { t: name });
    expect(read.body.errors).toBeUndefined();
    expect(read.body.data).toMatchObject({ configSet: { name: 'app', data: { B: '2' } }, configSets: { nodes: [{ name: 'app' }] }, tenant: { configSets: { nodes: [{ uuid }], pageInfo: { hasNextPage: false } } } });

    const gone = await api.operator.graphql('mutation($input: DeleteConfigSetInput!) { deleteConfigSet(input: $input) { configSet { name } userErrors { code } } }', { input: { tenant: name, name: 'app' } });
    expect(gone.body.data.deleteConfigSet).toEqual({ configSet: { name: 'app' }, userErrors: [] });
    expect((await api.operator.get(`${path}/app`)).status).toBe(404);
  });
});

describe('config sets in use', () => {
  it('are not deleted, and the refusal names who uses them', async () => {
    const { path } = await newTenant();
    const set = randomName('set');
    await api.operator.put(`${path}/${set}`, { data: {} });
    users.set(`config/${set}`, ['resize', 'orders']);
    const refused = await api.operator.delete(`${path}/${set}`);
    expect([refused.status, refused.body.code]).toEqual([409, 'CONFIG_IN_USE']);
    expect(refused.body.detail).toContain('the functions orders, resize;');
    users.delete(`config/${set}`);
    expect((await api.operator.delete(`${path}/${set}`)).status).toBe(204);
  });

  it('wait with their deletion for whoever is just beginning to use them', async () => {
    const { path, context } = await newTenant();
    const set = randomName('set');
    await api.operator.put(`${path}/${set}`, { data: {} });
    let deletion: Promise<{ status: number }> | undefined;
    const observer = new Client({ connectionString: api.config.DATABASE_URL });
    await observer.connect();
    const environment = api.plane.app.get(EnvironmentService);
    await api.plane.database.transaction(context, async () => {
      await environment.hold(context, { configs: [set], secrets: [] });
      // A new value may come meanwhile; only the deletion waits.
      expect((await api.operator.put(`${path}/${set}`, { data: { A: '1' } })).status).toBe(200);
      deletion = api.operator.delete(`${path}/${set}`);
      await expect.poll(async () => (await observer.query(`SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)).rowCount).toBe(1);
      users.set(`config/${set}`, ['orders']);
    });
    expect((await deletion)?.status).toBe(409);
    await observer.end();
    await expect(environment.hold(context, { configs: ['none', set, 'nor-this'], secrets: [] })).rejects.toMatchObject({
      code: 'CONFIG_NOT_FOUND', kind: 'invalid', fields: [{ pointer: '/configs/0' }, { pointer: '/configs/2' }],
    });
  });
});

describe('a tenant\'s end', () => {
  it('takes its config sets away, and nobody else\'s', async () => {
    const [one, other] = [await newTenant(), await newTenant()];
    for (const { path } of [one, other]) await api.operator.put(`${path}/app`, { data: { A: '1' } });
    expect(await api.plane.app.get(ConfigurationParticipant).teardown(one.context)).toEqual({ done: true });
    const sets = api.plane.app.get(ConfigSetsService);
    expect((await sets.list(one.context, { limit: 10 })).items).toEqual([]);
    expect((await sets.list(other.context, { limit: 10 })).items).toHaveLength(1);
  });
});
