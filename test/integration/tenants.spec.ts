import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomName, startApi, type TestApi } from '../support/api.js';

describe('tenants', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());

  it('are created, read and listed', async () => {
    const name = randomName('team');
    const created = await api.operator.post('/v1/tenants', { name, displayName: 'Team', labels: { cost: '42' } });
    expect(created.status).toBe(202);
    expect(created.body).toMatchObject({ name, plan: 'standard', state: 'active', generation: 1, operation: { kind: 'tenant.create', state: 'running' } });
    expect(created.headers.get('location')).toBe(`/v1/tenants/${name}`);
    const read = await api.operator.get(`/v1/tenants/${name}`);
    expect(read.status).toBe(200);
    expect(read.headers.get('etag')).toBe(`"${read.body.etag}"`);
    const listed = await api.operator.get(`/v1/tenants?name=${name}`);
    expect(listed.body.items.map((item: { id: string }) => item.id)).toEqual([created.body.id]);
  });

  it('refuses unknown fields and bad names with pointers, and writes nothing', async () => {
    const refused = await api.operator.post('/v1/tenants', { name: 'Bad Name', colour: 'red' });
    expect(refused.status).toBe(422);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(refused.body.errors.map((error: { pointer: string }) => error.pointer).sort()).toEqual(['/colour', '/name']);
  });

  it('answers what it cannot read with problems too', async () => {
    const type = { 'content-type': 'application/json' };
    const garbled = await api.operator.post('/v1/tenants', '{"name":', { headers: type });
    expect([garbled.status, garbled.body.code]).toEqual([400, 'JSON_INVALID']);
    const sly = await api.operator.post('/v1/tenants', '{"__proto__": {"name": "x"}}', { headers: type });
    expect([sly.status, sly.body.code]).toEqual([400, 'JSON_INVALID']);
    const elsewhere = await api.operator.get('/v1/nothing-here');
    expect([elsewhere.status, elsewhere.body.code]).toEqual([404, 'ROUTE_NOT_FOUND']);
    const large = await api.operator.post('/v1/tenants', `{"name":"${'x'.repeat(9 * 1024 * 1024)}"}`, { headers: type });
    expect([large.status, large.headers.get('content-type')]).toEqual([413, expect.stringContaining('application/problem+json')]);
    const plain = await api.operator.post('/v1/tenants', 'name=x', { headers: { 'content-type': 'text/plain' } });
    expect(plain.status).toBe(415);
  });

  it('answers GraphQL with the same facts', async () => {
    const name = randomName('team');
    const made = await api.operator.graphql('mutation($input: CreateTenantInput!) { createTenant(input: $input) { tenant { id uuid name suspension } operation { kind state } userErrors { code field message } } }', { input: { tenant: { name } } });
    expect(made.body).toMatchObject({ data: { createTenant: { tenant: { name, suspension: 'NONE' }, operation: { kind: 'tenant.create', state: 'RUNNING' }, userErrors: [] } } });
    const again = await api.operator.graphql('mutation($input: CreateTenantInput!) { createTenant(input: $input) { tenant { id } userErrors { code field } } }', { input: { tenant: { name } } });
    expect(again.body.data.createTenant).toEqual({ tenant: null, userErrors: [{ code: 'TENANT_NAME_TAKEN', field: ['input', 'name'] }] });
  });

  it('keeps an answer for its idempotency key', async () => {
    const name = randomName('team');
    const headers = { 'idempotency-key': randomName('key') };
    const first = await api.operator.post('/v1/tenants', { name }, { headers });
    const second = await api.operator.post('/v1/tenants', { name }, { headers });
    expect(second.status).toBe(202);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    const other = await api.operator.post('/v1/tenants', { name: randomName('team') }, { headers });
    expect(other.status).toBe(422);
    expect(other.body.code).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  it('checks without changing when asked to validate only', async () => {
    const name = randomName('team');
    const checked = await api.operator.post('/v1/tenants?validateOnly=true', { name });
    expect(checked.status).toBe(200);
    expect((await api.operator.get(`/v1/tenants?name=${name}`)).body.items).toEqual([]);
  });

  it('honours If-Match', async () => {
    const name = randomName('team');
    await api.operator.post('/v1/tenants', { name });
    const stale = await api.operator.patch(`/v1/tenants/${name}`, { displayName: 'x' }, { headers: { 'if-match': '"0-0"' } });
    expect(stale.status).toBe(412);
    const etag = (await api.operator.get(`/v1/tenants/${name}`)).headers.get('etag')!;
    expect((await api.operator.patch(`/v1/tenants/${name}`, { displayName: 'x' }, { headers: { 'if-match': etag } })).status).toBe(202);
  });

  it('hides a tenant from strangers as if it were missing', async () => {
    const name = randomName('team');
    await api.operator.post('/v1/tenants', { name });
    const stranger = await api.person();
    const hidden = await stranger.get(`/v1/tenants/${name}`);
    const missing = await stranger.get('/v1/tenants/no-such-team');
    expect([hidden.status, hidden.body.code, hidden.body.detail]).toEqual([404, missing.body.code, missing.body.detail]);
    expect((await stranger.post('/v1/tenants', { name: randomName('team') })).status).toBe(403);
    expect((await api.client().get('/v1/tenants')).status).toBe(401);
  });
});
