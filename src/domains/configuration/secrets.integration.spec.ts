import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { systemContext, tenantJobContext, type TenantContext } from '../../platform/context/context.js';
import { ConfigurationListeners, type ConfigurationReference } from './configuration-listeners.js';
import { ConfigurationParticipant } from './configuration-participant.js';
import { EnvironmentService } from './environment.service.js';

let api: TestApi;
let environment: EnvironmentService;
const users = new Map<string, string[]>();
const changes: ConfigurationReference[] = [];

beforeAll(async () => {
  api = await startApi();
  environment = api.plane.app.get(EnvironmentService);
  api.plane.app.get(ConfigurationListeners).register({
    changed: async (_, reference) => void changes.push(reference),
    usersOf: async (_, { kind, name }) => users.get(`${kind}/${name}`) ?? [],
  });
});
afterAll(() => api.stop());

async function newTenant(): Promise<{ name: string; path: string; context: TenantContext }> {
  const name = randomName('team');
  const made = await api.operator.post('/v1/tenants', { name, plan: 'small' });
  return { name, path: `/v1/tenants/${name}/secrets`, context: tenantJobContext('secrets-test', { id: made.body.id as string, name }) };
}

function sql<Row>(statement: string, values: unknown[] = []): Promise<Row[]> {
  return api.plane.database.transaction(systemContext('test'), (manager) => manager.query<Row[]>(statement, values));
}

describe('secrets over REST', () => {
  it('take values and answer names only', async () => {
    const { path } = await newTenant();
    const made = await api.operator.post(path, { name: 'db', data: { PASSWORD: 'hunter2', A_USER: 'shop' } });
    expect([made.status, made.headers.get('location')]).toEqual([201, `${path}/db`]);
    expect(made.body).toEqual({ id: expect.any(String), tenantId: expect.any(String), name: 'db', version: 1, keys: ['A_USER', 'PASSWORD'], etag: expect.any(String), createdAt: expect.any(String), updatedAt: expect.any(String) });
    const put = await api.operator.put(`${path}/db`, { data: { PASSWORD: 'hunter2' } });
    expect([put.status, put.body.version, put.body.keys]).toEqual([200, 2, ['PASSWORD']]);
    const answers = [made, put, await api.operator.get(`${path}/db`), await api.operator.get(path), await api.operator.get(`${path}/${made.body.id as string}`)];
    for (const answer of answers) expect(JSON.stringify(answer.body)).not.toContain('hunter2');
    expect((await api.operator.delete(`${path}/db`)).status).toBe(204);
    expect((await api.operator.get(`${path}/db`)).body).toMatchObject({ status: 404, code: 'SECRET_NOT_FOUND' });
  });

  it('refuse wrong ones without repeating a value, and leave nothing', async () => {
    const { name, path } = await newTenant();
    const wrong: [unknown, string][] = [
      [{ name: 'db', data: { 'A-B': 'hunter2' } }, '/data/A-B'],
      [{ name: 'db', data: { PORT: 'hunter2' } }, '/data/PORT'],
      [{ name: 'db', data: { A: ['hunter2'] } }, '/data'],
      [{ name: 'db', data: 'hunter2' }, '/data'],
      [{ name: 'DB', data: { A: 'hunter2' } }, '/name'],
      [{ name: 'db', data: { A: `hunter2${'x'.repeat(65_536)}` } }, '/data'],
      [{ name: 'db', value: 'hunter2' }, '/value'],
    ];
    for (const [body, pointer] of wrong) {
      const refused = await api.operator.post(path, body);
      expect(refused.status).toBe(422);
      expect(refused.body.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
      expect(JSON.stringify(refused.body)).not.toContain('hunter2');
    }
    expect((await api.operator.get(path)).body.items).toEqual([]);
    expect((await api.operator.get(`/v1/tenants/${name}/quota`)).body.used.secrets).toBe(0);
  });

  it('have no way to be patched or read by version', async () => {
    const { path } = await newTenant();
    await api.operator.put(`${path}/db`, { data: { A: '1' } });
    expect((await api.operator.patch(`${path}/db`, { data: { A: '2' } })).status).toBe(405);
    expect((await api.operator.get(`${path}/db/versions/1`)).status).toBe(405);
  });

  it('count against the quota, honour If-Match and refuse a taken name', async () => {
    const { name, path } = await newTenant();
    await api.operator.patch(`/v1/tenants/${name}/quota`, { overrides: { secrets: 1 } });
    const made = await api.operator.put(`${path}/db`, { data: { A: '1' } });
    expect(made.status).toBe(201);
    expect((await api.operator.post(path, { name: 'two', data: {} })).body).toMatchObject({ status: 403, code: 'QUOTA_EXCEEDED', detail: 'The tenant\'s quota allows 1 secret and 1 is in use; delete one or ask for a higher quota.' });
    const headers = { 'if-match': `"${made.body.etag as string}"` };
    expect((await api.operator.put(`${path}/db`, { data: { A: '2' } }, { headers })).status).toBe(200);
    expect((await api.operator.put(`${path}/db`, { data: { A: '3' } }, { headers })).status).toBe(412);
    expect((await api.operator.delete(`${path}/db`, { headers })).status).toBe(412);
    await api.operator.patch(`/v1/tenants/${name}/quota`, { overrides: { secrets: 2 } });
    expect((await api.operator.post(path, { name: 'db', data: {} })).body).toMatchObject({ status: 409, code: 'SECRET_NAME_TAKEN' });
    await api.operator.delete(`${path}/db`);
    expect((await api.operator.get(`/v1/tenants/${name}/quota`)).body.used.secrets).toBe(0);
  });

  it('replay an answer for its idempotency key without a second version', async () => {
    const { path } = await newTenant();
    const headers = { 'idempotency-key': randomName('key') };
    const first = await api.operator.put(`${path}/db`, { data: { A: '1' } }, { headers });
    const second = await api.operator.put(`${path}/db`, { data: { A: '1' } }, { headers });
    expect([second.status, second.headers.get('idempotency-replayed'), second.body]).toEqual([201, 'true', first.body]);
    expect((await api.operator.get(`${path}/db`)).body.version).toBe(1);
  });

  it('keep the rights apart: viewers read names, other tenants nothing', async () => {
    const [one, other] = [await newTenant(), await newTenant()];
    const made = await api.operator.put(`${one.path}/db`, { data: { A: '1' } });
    expect((await api.operator.get(`${other.path}/${made.body.id as string}`)).status).toBe(404);
    const subject = randomName('user');
    await api.operator.post(`/v1/tenants/${one.name}/members`, { issuer: 'https://tests.fnplane.invalid', subject, role: 'viewer' });
    const viewer = await api.person(subject);
    expect((await viewer.get(`${one.path}/db`)).body.keys).toEqual(['A']);
    expect((await viewer.put(`${one.path}/db`, { data: {} })).status).toBe(403);
    expect((await viewer.delete(`${one.path}/db`)).status).toBe(403);
  });
});

describe('secrets over GraphQL', () => {
  it('go the same way', async () => {
    const { name, path } = await newTenant();
    const put = 'mutation($input: PutSecretInput!) { putSecret(input: $input) { secret { id uuid name version keys etag } userErrors { field code message } } }';
    const made = await api.operator.graphql(put, { input: { tenant: name, name: 'db', data: { B: 'hunter2', A: 'hunter2' } } });
    expect(made.body.data.putSecret).toMatchObject({ secret: { name: 'db', version: 1, keys: ['A', 'B'] }, userErrors: [] });
    const { uuid, etag } = made.body.data.putSecret.secret as { uuid: string; etag: string };
    expect((await api.operator.get(`${path}/db`)).body).toMatchObject({ id: uuid, etag });
    expect((await api.operator.graphql(put, { input: { tenant: name, name: 'db', data: { B: '2' }, ifMatch: etag } })).body.data.putSecret.secret.version).toBe(2);
    expect((await api.operator.graphql(put, { input: { tenant: name, name: 'db', data: { B: '3' }, ifMatch: etag } })).body.data.putSecret.userErrors).toMatchObject([{ code: 'ETAG_MISMATCH' }]);
    const wrong = await api.operator.graphql(put, { input: { tenant: name, name: 'db', data: { 'A-B': 'hunter2' } } });
    expect(wrong.body.data.putSecret.userErrors).toMatchObject([{ code: 'CONFIGURATION_INVALID', field: ['input', 'data', 'A-B'] }]);
    const read = await api.operator.graphql('query($t: String!) { secret(tenant: $t, secret: "db") { name keys } secrets(tenant: $t, name: "db") { nodes { name } } tenant(tenant: $t) { secrets { nodes { uuid keys version } } } }', { t: name });
    expect(read.body.data).toEqual({ secret: { name: 'db', keys: ['B'] }, secrets: { nodes: [{ name: 'db' }] }, tenant: { secrets: { nodes: [{ uuid, keys: ['B'], version: 2 }] } } });
    // There is no field for values at all.
    expect((await api.operator.graphql('query($t: String!) { secret(tenant: $t, secret: "db") { data } }', { t: name })).body.errors[0].message).toContain('Cannot query field');
    expect(JSON.stringify([made.body, wrong.body, read.body])).not.toContain('hunter2');
    const gone = await api.operator.graphql('mutation($input: DeleteSecretInput!) { deleteSecret(input: $input) { secret { name } userErrors { code } } }', { input: { tenant: name, name: 'db' } });
    expect(gone.body.data.deleteSecret).toEqual({ secret: { name: 'db' }, userErrors: [] });
  });
});

describe('secrets at rest', () => {
  it('stand in no table as text or as a hash', async () => {
    const { path } = await newTenant();
    const value = randomName('value');
    const headers = { 'idempotency-key': randomName('key') };
    await api.operator.put(`${path}/db`, { data: { PASSWORD: value } }, { headers });
    await api.operator.put(`${path}/db`, { data: { PASSWORD: value } });
    await api.operator.delete(`${path}/db`);
    const hashes = [value, JSON.stringify(value), JSON.stringify({ PASSWORD: value })].map((text) => createHash('sha256').update(text).digest('hex'));
    const tables = await sql<{ name: string }>(`SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`);
    expect(tables.length).toBeGreaterThan(10);
    for (const { name } of tables) {
      if (name === 'fnplane_migrations' || name === 'migrations') continue;
      const rows = JSON.stringify(await sql(`SELECT to_jsonb(t)::text AS row FROM "${name}" t`));
      for (const text of [value, Buffer.from(value).toString('hex'), Buffer.from(value).toString('base64'), ...hashes]) expect([name, rows.includes(text)]).toEqual([name, false]);
    }
  });

  it('are recorded in the audit log by name and version', async () => {
    const { path, context } = await newTenant();
    await api.operator.put(`${path}/db`, { data: { B: '1', A: '2' } });
    const facts = createHash('sha256').update(JSON.stringify({ keys: ['A', 'B'], version: 1 })).digest('hex');
    const entries = await sql<{ action: string; after_hash: string }>(`SELECT action, after_hash FROM audit_entry WHERE tenant_id = $1 AND target_kind = 'secret'`, [context.tenantId]);
    expect(entries).toEqual([{ action: 'secret.create', after_hash: facts }]);
  });

  it('do not open in another place than the one they were sealed for', async () => {
    const [one, other] = [await newTenant(), await newTenant()];
    for (const { path } of [one, other]) await api.operator.put(`${path}/db`, { data: { A: 'hunter2' } });
    await sql(`UPDATE secret_version victim SET key_id = source.key_id, wrapped_key = source.wrapped_key, sealed = source.sealed FROM secret_version source WHERE victim.tenant_id = $1 AND source.tenant_id = $2`, [other.context.tenantId, one.context.tenantId]);
    await expect(environment.resolve(other.context, { configs: [], secrets: ['db'] })).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
    expect(await environment.resolve(one.context, { configs: [], secrets: ['db'] })).toMatchObject({ plain: {}, secret: { A: 'hunter2' } });
  });

  it('keep their last ten versions', async () => {
    const { path, context } = await newTenant();
    for (let version = 1; version <= 13; version++) await api.operator.put(`${path}/db`, { data: { A: String(version) } });
    const kept = await sql<{ number: number }>('SELECT number FROM secret_version WHERE tenant_id = $1 ORDER BY number', [context.tenantId]);
    expect(kept.map((row) => row.number)).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    expect((await environment.resolve(context, { configs: [], secrets: ['db'] })).secret).toEqual({ A: '13' });
  });

  it('get one version after the other when written at once', async () => {
    const { path, context } = await newTenant();
    const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => api.operator.put(`${path}/db`, { data: { A: String(index) } })));
    expect(answers.map((answer) => answer.body.version).sort((a: number, b: number) => a - b)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
    const last = answers.findIndex((answer) => answer.body.version === 12);
    expect((await environment.resolve(context, { configs: [], secrets: ['db'] })).secret).toEqual({ A: String(last) });
  });

  it('are gone with their tenant, keys and all', async () => {
    const [one, other] = [await newTenant(), await newTenant()];
    for (const { path } of [one, other]) await api.operator.put(`${path}/db`, { data: { A: '1' } });
    expect(await api.plane.app.get(ConfigurationParticipant).teardown(one.context)).toEqual({ done: true });
    const left = await sql<{ tenant_id: string }>('SELECT tenant_id FROM secret_version WHERE tenant_id IN ($1, $2) UNION ALL SELECT tenant_id FROM secret WHERE tenant_id IN ($1, $2)', [one.context.tenantId, other.context.tenantId]);
    expect(left.map((row) => row.tenant_id)).toEqual([other.context.tenantId, other.context.tenantId]);
  });
});

describe('environments', () => {
  it('are merged in the order of their sets and follow new versions', async () => {
    const { name, path, context } = await newTenant();
    await api.operator.put(`/v1/tenants/${name}/configs/base`, { data: { A: 'base', B: 'base' } });
    await api.operator.put(`/v1/tenants/${name}/configs/more`, { data: { B: 'more' } });
    await api.operator.put(`${path}/one`, { data: { S: 'one', T: 'one' } });
    await api.operator.put(`${path}/two`, { data: { S: 'two' } });
    expect(await environment.resolve(context, { configs: ['base', 'more'], secrets: ['one', 'two'] })).toEqual({
      plain: { A: 'base', B: 'more' }, secret: { S: 'two', T: 'one' }, secrets: [{ name: 'one', data: { S: 'one', T: 'one' } }, { name: 'two', data: { S: 'two' } }], missing: [],
    });
    expect(await environment.resolve(context, { configs: ['more', 'base'], secrets: ['two', 'one'] })).toMatchObject({ plain: { A: 'base', B: 'base' }, secret: { S: 'one', T: 'one' } });
    changes.length = 0;
    await api.operator.put(`${path}/two`, { data: { S: 'new' } });
    expect(changes).toEqual([{ kind: 'secret', name: 'two' }]);
    expect((await environment.resolve(context, { configs: [], secrets: ['two'] })).secret).toEqual({ S: 'new' });
    expect(await environment.resolve(context, { configs: [], secrets: [] })).toEqual({ plain: {}, secret: {}, secrets: [], missing: [] });
  });

  it('name the sets that are missing', async () => {
    const { path, context } = await newTenant();
    await api.operator.put(`${path}/one`, { data: {} });
    await expect(environment.resolve(context, { configs: [], secrets: ['gone', 'one', 'lost'] })).rejects.toMatchObject({
      code: 'SECRET_NOT_FOUND', message: 'There are no secrets gone, lost in this tenant.', fields: [{ pointer: '/secrets/0' }, { pointer: '/secrets/2' }],
    });
    await expect(environment.resolve(context, { configs: ['one'], secrets: ['one'] })).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND', message: 'There is no config set one in this tenant.' });
  });

  it('keep a secret in use from being deleted', async () => {
    const { path } = await newTenant();
    const secret = randomName('secret');
    await api.operator.put(`${path}/${secret}`, { data: {} });
    users.set(`secret/${secret}`, Array.from({ length: 12 }, (_, index) => `fn-${String(index).padStart(2, '0')}`));
    const refused = await api.operator.delete(`${path}/${secret}`);
    expect([refused.status, refused.body.code]).toEqual([409, 'SECRET_IN_USE']);
    expect(refused.body.detail).toContain('fn-09 and 2 more');
  });
});
