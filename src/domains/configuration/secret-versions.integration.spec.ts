import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { systemContext, tenantJobContext, type TenantContext } from '../../platform/context/context.js';
import { ConfigurationListeners, type ConfigurationReference } from './configuration-listeners.js';
import { EnvironmentService } from './environment.service.js';

let api: TestApi;
let environment: EnvironmentService;
const changes: ConfigurationReference[] = [];

beforeAll(async () => {
  api = await startApi();
  environment = api.plane.app.get(EnvironmentService);
  api.plane.app.get(ConfigurationListeners).register({ changed: async (_, reference) => void changes.push(reference), usersOf: async () => [] });
});
afterAll(() => api.stop());

interface TestTenant {
  name: string;
  path: string;
  context: TenantContext;
}

async function newTenant(): Promise<TestTenant> {
  const name = randomName('team');
  const made = await api.operator.post('/v1/tenants', { name, plan: 'small' });
  return { name, path: `/v1/tenants/${name}/secrets`, context: tenantJobContext('versions-test', { id: made.body.id as string, name }) };
}

/** The secret `db` with one version a data set, the last one current. */
async function written({ path }: TestTenant, ...versions: Record<string, string>[]): Promise<void> {
  for (const data of versions) expect((await api.operator.put(`${path}/db`, { data })).status).toBeLessThan(300);
}

function sql<Row>(statement: string, values: unknown[] = []): Promise<Row[]> {
  return api.plane.database.transaction(systemContext('test'), (manager) => manager.query<Row[]>(statement, values));
}

async function states({ path }: TestTenant): Promise<Record<string, string>> {
  const { items } = (await api.operator.get(`${path}/db/versions`)).body as { items: { number: number; state: string }[] };
  return Object.fromEntries(items.map(({ number, state }) => [number, state]));
}

const valueOf = async ({ context }: TestTenant) => (await environment.resolve(context, { configs: [], secrets: ['db'] })).secret;

describe('versions of a secret', () => {
  it('are told of by number, names and author, oldest first, in pages, never by value', async () => {
    const tenant = await newTenant();
    await written(tenant, { A: 'hunter2', B: 'hunter2' }, { B: 'hunter2' }, { C: 'hunter2' });
    const all = await api.operator.get(`${tenant.path}/db/versions`);
    const { principal } = (await sql<{ principal: string }>(`SELECT principal FROM audit_entry WHERE tenant_id = $1 AND action = 'secret.create'`, [tenant.context.tenantId]))[0]!;
    expect(all.body.items).toEqual([[1, 'previous', ['A', 'B']], [2, 'previous', ['B']], [3, 'current', ['C']]].map(([number, state, keys]) => ({
      tenantId: tenant.context.tenantId, secretId: expect.any(String) as string, number, state, keys, createdBy: principal, createdAt: expect.any(String) as string,
    })));
    const seen: number[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { body } = await api.operator.get(`${tenant.path}/db/versions?limit=2${cursor && `&cursor=${cursor}`}`);
      seen.push(...body.items.map(({ number }: { number: number }) => number));
      cursor = body.nextCursor as string | null;
    }
    expect(seen).toEqual([1, 2, 3]);
    expect(JSON.stringify(all.body)).not.toContain('hunter2');
    expect((await api.operator.get(`${tenant.path}/none/versions`)).body).toMatchObject({ status: 404, code: 'SECRET_NOT_FOUND' });
  });

  it('can be made current again, which functions hear of, and counts on from the highest number', async () => {
    const tenant = await newTenant();
    await written(tenant, { A: 'one', OLD: 'x' }, { A: 'two' }, { A: 'three' });
    const before = (await api.operator.get(`${tenant.path}/db`)).body;
    changes.length = 0;
    const activated = await api.operator.post(`${tenant.path}/db/versions/1/activation`);
    expect([activated.status, activated.body.version, activated.body.keys]).toEqual([200, 1, ['A', 'OLD']]);
    expect(activated.body.etag).not.toBe(before.etag);
    expect(activated.headers.get('etag')).toBe(`"${activated.body.etag as string}"`);
    expect(changes).toEqual([{ kind: 'secret', name: 'db' }]);
    expect(await valueOf(tenant)).toEqual({ A: 'one', OLD: 'x' });
    expect(await states(tenant)).toEqual({ 1: 'current', 2: 'previous', 3: 'previous' });
    // Again it changes nothing.
    expect((await api.operator.post(`${tenant.path}/db/versions/1/activation`)).body.etag).toBe(activated.body.etag);
    expect(changes).toHaveLength(1);
    await written(tenant, { A: 'four' });
    expect(await states(tenant)).toEqual({ 1: 'previous', 2: 'previous', 3: 'previous', 4: 'current' });
    expect(await valueOf(tenant)).toEqual({ A: 'four' });
  });

  it('are destroyed for good, but not the current one', async () => {
    const tenant = await newTenant();
    await written(tenant, { A: 'one' }, { A: 'two' }, { A: 'three' });
    expect((await api.operator.delete(`${tenant.path}/db/versions/2`)).status).toBe(204);
    expect((await api.operator.delete(`${tenant.path}/db/versions/2`)).status).toBe(204);
    expect(await sql('SELECT key_id, wrapped_key, sealed FROM secret_version WHERE tenant_id = $1 AND number = 2', [tenant.context.tenantId])).toEqual([{ key_id: null, wrapped_key: null, sealed: null }]);
    const { body } = await api.operator.get(`${tenant.path}/db/versions`);
    expect(body.items[1]).toMatchObject({ number: 2, state: 'destroyed', keys: ['A'], destroyedAt: expect.any(String) as string });
    expect((await api.operator.post(`${tenant.path}/db/versions/2/activation`)).body).toMatchObject({ status: 409, code: 'SECRET_VERSION_DESTROYED' });
    const refused = await api.operator.delete(`${tenant.path}/db/versions/3`);
    expect(refused.body).toMatchObject({ status: 409, code: 'SECRET_VERSION_CURRENT', detail: expect.stringContaining('make another version current first') as string });
    expect(await valueOf(tenant)).toEqual({ A: 'three' });
    for (const number of ['4', '0', '-1', 'x', '1.5', '99999999999']) {
      expect((await api.operator.delete(`${tenant.path}/db/versions/${number}`)).body).toMatchObject({ status: 404, code: 'SECRET_VERSION_NOT_FOUND' });
      expect((await api.operator.post(`${tenant.path}/db/versions/${number}/activation`)).body).toMatchObject({ status: 404, code: 'SECRET_VERSION_NOT_FOUND' });
    }
  });

  it('are kept ten at a time, also when an old one had been made current', async () => {
    const tenant = await newTenant();
    await written(tenant, ...Array.from({ length: 10 }, (_, index) => ({ A: String(index + 1) })));
    await api.operator.post(`${tenant.path}/db/versions/1/activation`);
    await written(tenant, { A: '11' });
    expect(Object.keys(await states(tenant))).toEqual(['2', '3', '4', '5', '6', '7', '8', '9', '10', '11']);
    expect((await api.operator.post(`${tenant.path}/db/versions/1/activation`)).body.code).toBe('SECRET_VERSION_NOT_FOUND');
  });

  it('honour If-Match, idempotency keys and validateOnly', async () => {
    const tenant = await newTenant();
    await written(tenant, { A: 'one' }, { A: 'two' });
    const stale = { 'if-match': '"00000000-1"' };
    for (const answer of [await api.operator.post(`${tenant.path}/db/versions/1/activation`, undefined, { headers: stale }), await api.operator.delete(`${tenant.path}/db/versions/1`, { headers: stale })]) {
      expect(answer.body).toMatchObject({ status: 412, code: 'ETAG_MISMATCH' });
    }
    expect((await api.operator.post(`${tenant.path}/db/versions/1/activation?validateOnly=true`)).status).toBe(200);
    expect(await states(tenant)).toEqual({ 1: 'previous', 2: 'current' });
    const headers = { 'idempotency-key': randomName('key') };
    const first = await api.operator.post(`${tenant.path}/db/versions/1/activation`, undefined, { headers });
    await api.operator.post(`${tenant.path}/db/versions/2/activation`);
    const second = await api.operator.post(`${tenant.path}/db/versions/1/activation`, undefined, { headers });
    expect([second.headers.get('idempotency-replayed'), second.body]).toEqual(['true', first.body]);
    expect(await states(tenant)).toEqual({ 1: 'previous', 2: 'current' });
  });

  it('are recorded in the audit log: who, what, and hashes of names', async () => {
    const tenant = await newTenant();
    await written(tenant, { A: 'one', B: 'x' }, { A: 'two' });
    await api.operator.post(`${tenant.path}/db/versions/1/activation`);
    await api.operator.delete(`${tenant.path}/db/versions/2`);
    const hash = (facts: object) => createHash('sha256').update(JSON.stringify(facts)).digest('hex');
    const entries = await sql<object>(`SELECT action, before_hash, after_hash FROM audit_entry WHERE tenant_id = $1 AND action IN ('secret.activate', 'secret.destroy-version') ORDER BY at`, [tenant.context.tenantId]);
    expect(entries).toEqual([
      { action: 'secret.activate', before_hash: hash({ keys: ['A'], version: 2 }), after_hash: hash({ keys: ['A', 'B'], version: 1 }) },
      { action: 'secret.destroy-version', before_hash: hash({ keys: ['A'], version: 2 }), after_hash: null },
    ]);
  });

  it('belong to their tenant; viewers read names and change nothing; frozen tenants change nothing', async () => {
    const [one, other] = [await newTenant(), await newTenant()];
    for (const tenant of [one, other]) await written(tenant, { A: '1' }, { A: '2' });
    const id = (await api.operator.get(`${one.path}/db`)).body.id as string;
    for (const answer of [
      await api.operator.get(`${other.path}/${id}/versions`), await api.operator.post(`${other.path}/${id}/versions/1/activation`), await api.operator.delete(`${other.path}/${id}/versions/1`),
    ]) expect(answer.body).toMatchObject({ status: 404, code: 'SECRET_NOT_FOUND' });
    const subject = randomName('user');
    await api.operator.post(`/v1/tenants/${one.name}/members`, { issuer: 'https://tests.fnplane.invalid', subject, role: 'viewer' });
    const viewer = await api.person(subject);
    expect((await viewer.get(`${one.path}/db/versions`)).body.items).toHaveLength(2);
    expect((await viewer.post(`${one.path}/db/versions/1/activation`)).status).toBe(403);
    expect((await viewer.delete(`${one.path}/db/versions/1`)).status).toBe(403);
    await api.operator.put(`/v1/tenants/${one.name}/suspension`, { level: 'writes' });
    expect((await api.operator.post(`${one.path}/db/versions/1/activation`)).body.code).toBe('TENANT_SUSPENDED');
    expect((await api.operator.delete(`${one.path}/db/versions/1`)).body.code).toBe('TENANT_SUSPENDED');
    expect(await states(one)).toEqual({ 1: 'previous', 2: 'current' });
  });

  it('that cannot be opened never become current', async () => {
    const tenant = await newTenant();
    await written(tenant, { A: 'one' }, { A: 'two' });
    await sql('UPDATE secret_version SET sealed = sealed || sealed WHERE tenant_id = $1 AND number = 1', [tenant.context.tenantId]);
    expect((await api.operator.post(`${tenant.path}/db/versions/1/activation`)).body).toMatchObject({ status: 503, code: 'SECRET_UNREADABLE' });
    expect(await states(tenant)).toEqual({ 1: 'previous', 2: 'current' });
  });

  it('whose names were not noted then are told of without, and noted once they are current again', async () => {
    const tenant = await newTenant();
    await written(tenant, { A: 'one' }, { B: 'two' });
    await sql('UPDATE secret_version SET keys = NULL, created_by = NULL WHERE tenant_id = $1 AND number = 1', [tenant.context.tenantId]);
    const [first] = (await api.operator.get(`${tenant.path}/db/versions`)).body.items as object[];
    expect(first).not.toHaveProperty('keys');
    expect(first).not.toHaveProperty('createdBy');
    expect((await api.operator.post(`${tenant.path}/db/versions/1/activation`)).body.keys).toEqual(['A']);
  });
});

describe('versions over GraphQL', () => {
  it('go the same way', async () => {
    const tenant = await newTenant();
    await written(tenant, { A: 'hunter2' }, { B: 'hunter2' }, { C: 'hunter2' });
    const activate = 'mutation($input: SecretVersionInput!) { activateSecretVersion(input: $input) { secret { version keys etag } userErrors { field message code } } }';
    const destroy = 'mutation($input: SecretVersionInput!) { destroySecretVersion(input: $input) { secret { version } userErrors { code } } }';
    const activated = await api.operator.graphql(activate, { input: { tenant: tenant.name, name: 'db', number: 1 } });
    expect(activated.body.data.activateSecretVersion).toMatchObject({ secret: { version: 1, keys: ['A'] }, userErrors: [] });
    expect((await api.operator.get(`${tenant.path}/db`)).body.etag).toBe(activated.body.data.activateSecretVersion.secret.etag);
    const stale = await api.operator.graphql(activate, { input: { tenant: tenant.name, name: 'db', number: 2, ifMatch: '00000000-1' } });
    expect(stale.body.data.activateSecretVersion).toMatchObject({ secret: null, userErrors: [{ code: 'ETAG_MISMATCH' }] });
    expect((await api.operator.graphql(destroy, { input: { tenant: tenant.name, name: 'db', number: 1 } })).body.data.destroySecretVersion.userErrors).toEqual([{ code: 'SECRET_VERSION_CURRENT' }]);
    expect((await api.operator.graphql(destroy, { input: { tenant: tenant.name, name: 'db', number: 2 } })).body.data.destroySecretVersion).toEqual({ secret: { version: 1 }, userErrors: [] });
    expect((await api.operator.graphql(destroy, { input: { tenant: tenant.name, name: 'db', number: 9 } })).body.data.destroySecretVersion.userErrors).toEqual([{ code: 'SECRET_VERSION_NOT_FOUND' }]);

    const fields = 'pageInfo { hasNextPage endCursor } nodes { number state keys createdBy createdAt destroyedAt }';
    const page = async (first: number, after: string | null) => {
      const { body } = await api.operator.graphql(`query($t: String!, $first: Int!, $after: String) { secret(tenant: $t, secret: "db") { versions(first: $first, after: $after) { ${fields} } } }`, { t: tenant.name, first, after });
      expect(body.errors).toBeUndefined();
      return body.data.secret.versions as { pageInfo: { hasNextPage: boolean; endCursor: string }; nodes: { number: number; state: string }[] };
    };
    const first = await page(2, null);
    expect(first.nodes).toMatchObject([{ number: 1, state: 'CURRENT', keys: ['A'], destroyedAt: null }, { number: 2, state: 'DESTROYED', keys: ['B'], destroyedAt: expect.any(String) as string }]);
    expect(first.pageInfo.hasNextPage).toBe(true);
    const second = await page(2, first.pageInfo.endCursor);
    expect([second.nodes.map(({ number, state }) => [number, state]), second.pageInfo.hasNextPage]).toEqual([[[3, 'PREVIOUS']], false]);
    expect(JSON.stringify([activated.body, first, second])).not.toContain('hunter2');
  });

  it('of many secrets come in one statement', async () => {
    const tenant = await newTenant();
    for (const name of ['one', 'two', 'three']) for (const value of ['1', '2']) await api.operator.put(`${tenant.path}/${name}`, { data: { [name.toUpperCase()]: value } });
    const { body } = await api.operator.graphql('query($t: String!) { secrets(tenant: $t) { nodes { name versions(first: 1) { nodes { number keys state } pageInfo { hasNextPage } } } } }', { t: tenant.name });
    expect(body.data.secrets.nodes).toEqual(['one', 'two', 'three'].map((name) => ({
      name, versions: { nodes: [{ number: 1, keys: [name.toUpperCase()], state: 'PREVIOUS' }], pageInfo: { hasNextPage: true } },
    })));
  });
});

describe('what a function is given', () => {
  it('names what went from a secret since it was deployed', async () => {
    const tenant = await newTenant();
    await written(tenant, { A: '1', B: '1', C: '1' });
    const sources = { configs: [], secrets: ['db'] };
    const deployed = await environment.hold(tenant.context, sources);
    expect(deployed).toEqual({ db: 1 });
    const missing = async () => (await environment.resolve(tenant.context, sources, deployed)).missing;
    expect(await missing()).toEqual([]);
    await written(tenant, { A: '2', D: '2' });
    expect(await missing()).toEqual(['db/B', 'db/C']);
    await api.operator.delete(`${tenant.path}/db/versions/1`);
    expect(await missing()).toEqual(['db/B', 'db/C']);
    await written(tenant, {});
    expect(await missing()).toEqual(['db']);
    await written(tenant, { A: '3', B: '3', C: '3' });
    expect(await missing()).toEqual([]);
  });

  it('is nothing where a secret has no value any more, and says so', async () => {
    const tenant = await newTenant();
    await written(tenant, { A: '1' });
    await sql('UPDATE secret_version SET key_id = NULL, wrapped_key = NULL, sealed = NULL, destroyed_at = now() WHERE tenant_id = $1', [tenant.context.tenantId]);
    await expect(environment.resolve(tenant.context, { configs: [], secrets: ['db'] })).rejects.toMatchObject({
      code: 'SECRET_WITHOUT_VALUE', message: 'The secret db has no value any more; give it a new one, or make a version that is kept the current one.',
    });
  });
});
