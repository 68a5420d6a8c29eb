import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { systemContext, tenantJobContext, type TenantContext } from '../../platform/context/context.js';
import { TriggersContributor } from './triggers.contributor.js';

let api: TestApi;
let shop: Team;
let bank: Team;

interface Team {
  name: string;
  path: string;
  context: TenantContext;
}

beforeAll(async () => {
  api = await startApi({ FNPLANE_GATEWAY_URL: 'https://run.example/', FNPLANE_GATEWAY_DOMAIN: 'fn.example' });
  [shop, bank] = await Promise.all([newTeam(), newTeam()]);
});
afterAll(() => api.stop());

async function newTeam(): Promise<Team> {
  const name = randomName('team');
  const made = await api.operator.post('/v1/tenants', { name });
  const team = { name, path: `/v1/tenants/${name}`, context: tenantJobContext('triggers-test', { id: made.body.id as string, name }) };
  for (const fn of ['pay', 'ship']) await api.operator.post(`${team.path}/functions`, { name: fn, runtime: 'python', source: { inline: { 'handler.py': 'def handle(event, context):\n    return 1\n' } } });
  return team;
}

interface Place {
  host?: string;
  type?: 'exact' | 'prefix';
  value?: string;
  fn?: string;
}

function body({ host = `${randomName('h')}.example`, type = 'prefix', value = '/', fn = 'pay' }: Place = {}) {
  return { name: randomName('t'), function: fn, http: { host, path: { type, value }, authentication: 'public' } };
}

const contribution = (team: Team, functionId: string) => api.plane.app.get(TriggersContributor, { strict: false }).contribute(team.context, functionId);

async function functionId(team: Team, name: string): Promise<string> {
  return (await api.operator.get(`${team.path}/functions/${name}`)).body.id as string;
}

async function jobs(id: string): Promise<number> {
  const [row] = await api.plane.database.transaction(systemContext('test'), (manager) => manager.query<{ gen: number }[]>(`SELECT gen::int FROM work_item WHERE kind = 'function' AND key LIKE $1`, [`%/${id}`]));
  return row?.gen ?? 0;
}

describe('a trigger', () => {
  it('is answered as it was sent, changed, listed, and deleted; its function is told each time', async () => {
    const pay = await functionId(shop, 'pay');
    const seen = await jobs(pay);
    const sent = { ...body(), http: { ...body().http, methods: ['POST', 'GET'], rewrite: { prefix: '/' }, cors: { allowOrigins: ['https://app.example'], allowCredentials: true, maxAgeSeconds: 60 } } };
    const made = await api.operator.post(`${shop.path}/triggers`, sent);
    expect([made.status, made.headers.get('location')]).toEqual([201, `${shop.path}/triggers/${sent.name}`]);
    expect(made.body).toMatchObject(sent);
    expect((await api.operator.get(`${shop.path}/triggers/${String(made.body.id)}`)).body).toEqual(made.body);
    expect((await api.operator.get(`${shop.path}/triggers?name=${sent.name}`)).body).toEqual({ items: [made.body], nextCursor: null });
    expect(await contribution(shop, pay)).toEqual({ triggers: { http: [{ name: sent.name, ...sent.http }] } });
    expect(await jobs(pay)).toBeGreaterThan(seen);

    const path = `${shop.path}/triggers/${sent.name}`;
    const ship = await functionId(shop, 'ship');
    const before = await jobs(ship);
    const patched = await api.operator.send('PATCH', path, { body: { function: 'ship', http: { methods: null, path: { value: '/a' }, cors: { allowCredentials: null, allowOrigins: ['*'] } } }, headers: { 'if-match': `"${String(made.body.etag)}"` } });
    expect([patched.status, patched.body.function, patched.body.http]).toEqual([200, 'ship', { host: sent.http.host, path: { type: 'prefix', value: '/a' }, rewrite: { prefix: '/' }, authentication: 'public', cors: { allowOrigins: ['*'], maxAgeSeconds: 60 } }]);
    expect(await contribution(shop, pay)).toEqual({});
    expect(await jobs(ship)).toBeGreaterThan(before);
    expect((await api.operator.send('PATCH', path, { body: {}, headers: { 'if-match': `"${String(made.body.etag)}"` } })).status).toBe(412);
    const same = await api.operator.send('PATCH', path, { body: { http: { path: { value: '/a' } } } });
    expect(same.body.etag).toBe(patched.body.etag);

    expect((await api.operator.delete(path)).status).toBe(204);
    expect((await api.operator.get(path)).body.code).toBe('TRIGGER_NOT_FOUND');
    expect(await contribution(shop, ship)).toEqual({});
    const { items } = (await api.operator.get(`${shop.path}/audit?target=${sent.name}&result=done`)).body as { items: { action: string }[] };
    expect(items.map(({ action }) => action).sort()).toEqual(['trigger.create', 'trigger.delete', 'trigger.update']);
  });

  it('asks for tokens of an issuer of the tenant\'s own, and is told so to clusters', async () => {
    const jwt = { issuer: 'https://login.shop.example', audiences: ['orders'], claims: [{ name: 'scope', values: ['orders:write'] }] };
    const made = await api.operator.post(`${shop.path}/triggers`, { ...body(), http: { ...body().http, authentication: 'jwt', jwt } });
    expect([made.status, (made.body.http as { jwt: unknown }).jwt]).toEqual([201, jwt]);
    const path = `${shop.path}/triggers/${String(made.body.name)}`;
    const patched = await api.operator.send('PATCH', path, { body: { http: { jwt: { audiences: ['orders', 'returns'], claims: null, jwksUri: 'https://keys.shop.example/jwks' } } } });
    const now = { issuer: jwt.issuer, audiences: ['orders', 'returns'], jwksUri: 'https://keys.shop.example/jwks' };
    expect([patched.status, (patched.body.http as { jwt: unknown }).jwt]).toEqual([200, now]);
    expect((await contribution(shop, await functionId(shop, 'pay'))).triggers?.http).toEqual([expect.objectContaining({ authentication: 'jwt', jwt: now })]);
    expect((await api.operator.send('PATCH', path, { body: { http: { authentication: 'public' } } })).body).toMatchObject({ status: 422, errors: [{ pointer: '/http/jwt' }] });
    expect((await api.operator.send('PATCH', path, { body: { http: { authentication: 'public', jwt: null } } })).status).toBe(200);
    expect((await api.operator.delete(path)).status).toBe(204);
  });

  it('takes the certificate of its host from a secret of the tenant, which stays as long as it is needed', async () => {
    const sent = { ...body(), http: { ...body().http, tls: { secret: 'shop-certificate' } } };
    expect((await api.operator.post(`${shop.path}/triggers`, sent)).body).toMatchObject({ status: 422, errors: [{ pointer: '/http/tls/secret' }] });
    await api.operator.put(`${shop.path}/secrets/shop-certificate`, { data: { TLS_CERTIFICATE: 'a', TLS_PRIVATE_KEY: 'b' } });
    const made = await api.operator.post(`${shop.path}/triggers`, sent);
    expect([made.status, (made.body.http as { tls: unknown }).tls]).toEqual([201, { secret: 'shop-certificate' }]);
    const pay = await functionId(shop, 'pay');
    const seen = await jobs(pay);
    await api.operator.put(`${shop.path}/secrets/shop-certificate`, { data: { TLS_CERTIFICATE: 'c', TLS_PRIVATE_KEY: 'd' } });
    expect(await jobs(pay)).toBeGreaterThan(seen);
    expect((await api.operator.delete(`${shop.path}/secrets/shop-certificate`)).body).toMatchObject({ status: 409, detail: expect.stringContaining('pay') as string });
    expect((await api.operator.send('PATCH', `${shop.path}/triggers/${sent.name}`, { body: { http: { tls: null } } })).status).toBe(200);
    expect((await api.operator.delete(`${shop.path}/secrets/shop-certificate`)).status).toBe(204);
    expect((await api.operator.delete(`${shop.path}/triggers/${sent.name}`)).status).toBe(204);
  });

  it('does the same through GraphQL', async () => {
    const sent = body();
    const trigger = { ...sent, http: { ...sent.http, path: { type: 'EXACT', value: '/status' }, methods: ['GET'], authentication: 'REQUIRED' } };
    const FIELDS = 'trigger { id uuid name function etag http { host path { type value } methods rewrite { prefix } authentication } } userErrors { code field }';
    const created = await api.operator.graphql(`mutation($input: CreateTriggerInput!) { createTrigger(input: $input) { ${FIELDS} } }`, { input: { tenant: shop.name, trigger } });
    expect(created.body.data.createTrigger).toMatchObject({ userErrors: [], trigger: { name: sent.name, function: 'pay', http: { ...trigger.http, rewrite: null } } });
    const { id, uuid, etag } = created.body.data.createTrigger.trigger as Record<string, string>;
    expect((await api.operator.get(`${shop.path}/triggers/${sent.name}`)).body).toMatchObject({ id: uuid, etag, http: { path: { type: 'exact', value: '/status' }, authentication: 'required' } });
    const read = await api.operator.graphql('query($id: ID!, $tenant: String!, $name: String!) { node(id: $id) { id ... on Trigger { name } } triggers(tenant: $tenant, name: $name) { nodes { uuid } } trigger(tenant: $tenant, trigger: $name) { uuid } }', { id, tenant: shop.name, name: sent.name });
    expect(read.body.data).toEqual({ node: { id, name: sent.name }, triggers: { nodes: [{ uuid }] }, trigger: { uuid } });
    const refused = await api.operator.graphql(`mutation($input: PatchTriggerInput!) { patchTrigger(input: $input) { ${FIELDS} } }`, { input: { tenant: shop.name, trigger: sent.name, change: { http: { host: 'run.example' } } } });
    expect(refused.body.data.patchTrigger.userErrors).toEqual([{ code: 'TRIGGER_INVALID', field: ['input', 'change', 'http', 'host'] }]);
    const deleted = await api.operator.graphql(`mutation($input: DeleteTriggerInput!) { deleteTrigger(input: $input) { ${FIELDS} } }`, { input: { tenant: shop.name, trigger: sent.name, ifMatch: etag } });
    expect(deleted.body.data.deleteTrigger).toMatchObject({ userErrors: [], trigger: { id } });
  });

  it.each<[object, string, string]>([
    [{ function: 'nobody' }, 'TRIGGER_FUNCTION_NOT_FOUND', '/function'],
    [{ http: { ...body().http, host: 'pay.other.fn.example' } }, 'TRIGGER_INVALID', '/http/host'],
    [{ http: { ...body().http, path: { type: 'prefix', value: '/a/' } } }, 'TRIGGER_INVALID', '/http/path/value'],
    [{ http: { ...body().http, methods: ['GET', 'GET'] } }, 'TRIGGER_INVALID', '/http/methods'],
  ])('%j is refused: %s at %s', async (change, code, pointer) => {
    const answer = await api.operator.post(`${shop.path}/triggers`, { ...body(), ...change });
    expect([answer.status, answer.body.code, answer.body.errors]).toEqual([422, code, [expect.objectContaining({ pointer })]]);
  });

  it('has no host of a cluster\'s own gateway', async () => {
    const host = `${randomName('east')}.example`;
    await api.plane.database.transaction(systemContext('test'), (manager) => manager.query(
      `INSERT INTO cluster (id, name, region, gateway_url) VALUES (gen_random_uuid(), $1, 'east', $2)`, [randomName('c'), `https://${host}:8443`]));
    const answer = await api.operator.post(`${shop.path}/triggers`, body({ host }));
    expect([answer.status, answer.body.errors]).toEqual([422, [expect.objectContaining({ pointer: '/http/host' })]]);
  });

  it('its name is its own, and its function has no more than 32', async () => {
    const team = await newTeam();
    const first = body();
    expect((await api.operator.post(`${team.path}/triggers`, first)).status).toBe(201);
    expect((await api.operator.post(`${team.path}/triggers`, { ...body(), name: first.name })).body).toMatchObject({ status: 409, code: 'TRIGGER_NAME_TAKEN' });
    const answers = await Promise.all(Array.from({ length: 34 }, () => api.operator.post(`${team.path}/triggers`, body())));
    expect(answers.map(({ status }) => status).filter((status) => status === 201)).toHaveLength(31);
    expect(answers.find(({ status }) => status !== 201)?.body).toMatchObject({ status: 409, code: 'TOO_MANY_TRIGGERS' });
  });

  it('goes with its function', async () => {
    const team = await newTeam();
    const one = body();
    await api.operator.post(`${team.path}/triggers`, one);
    const id = await functionId(team, 'pay');
    await api.plane.database.transaction(systemContext('test'), async (manager) => {
      await manager.query('DELETE FROM revision_reference WHERE function_id = $1', [id]);
      await manager.query('DELETE FROM revision WHERE function_id = $1', [id]);
      await manager.query('DELETE FROM function WHERE id = $1', [id]);
    });
    expect((await api.operator.get(`${team.path}/triggers`)).body.items).toEqual([]);
    expect((await api.operator.post(`${bank.path}/triggers`, { ...body(), http: one.http })).status).toBe(201);
  });
});

describe('a host and path', () => {
  it.each<[string, Place, Place, number]>([
    ['the same', { value: '/a' }, { value: '/a' }, 409],
    ['one below', { value: '/a' }, { value: '/a/b' }, 409],
    ['one above', { value: '/a/b' }, { value: '/' }, 409],
    ['an exact one below a prefix', { value: '/a' }, { type: 'exact', value: '/a/b' }, 409],
    ['a prefix above an exact one', { type: 'exact', value: '/a/b' }, { value: '/a' }, 409],
    ['another one beside', { value: '/a' }, { value: '/ab' }, 201],
    ['an exact one beside a prefix', { value: '/a' }, { type: 'exact', value: '/ab' }, 201],
    ['two exact ones', { type: 'exact', value: '/a' }, { type: 'exact', value: '/a/b' }, 201],
  ])('belongs to the tenant that had it first: %s', async (_, first, second, status) => {
    const host = `${randomName('h')}.example`;
    expect((await api.operator.post(`${shop.path}/triggers`, body({ host, ...first }))).status).toBe(201);
    const answer = await api.operator.post(`${bank.path}/triggers`, body({ host, ...second }));
    expect(answer.status).toBe(status);
    if (status === 409) {
      expect(answer.body.code).toBe('TRIGGER_ROUTE_TAKEN');
      expect(JSON.stringify(answer.body)).not.toContain(shop.name);
    }
  });

  it('cannot be reached by a change either; a tenant\'s own may lie one in the other', async () => {
    const host = `${randomName('h')}.example`;
    await api.operator.post(`${shop.path}/triggers`, body({ host, value: '/a' }));
    expect((await api.operator.post(`${shop.path}/triggers`, body({ host, value: '/a/b', fn: 'ship' }))).status).toBe(201);
    const same = await api.operator.post(`${shop.path}/triggers`, body({ host, value: '/a' }));
    expect([same.status, same.body.code]).toEqual([409, 'TRIGGER_ROUTE_TAKEN']);
    const other = body();
    await api.operator.post(`${bank.path}/triggers`, other);
    const moved = await api.operator.send('PATCH', `${bank.path}/triggers/${other.name}`, { body: { http: { host } } });
    expect([moved.status, moved.body.code]).toEqual([409, 'TRIGGER_ROUTE_TAKEN']);
  });

  it('of ten tenants that ask at once one gets it', async () => {
    const host = `${randomName('h')}.example`;
    const teams = [shop, bank];
    const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => api.operator.post(`${teams[index % 2]!.path}/triggers`, body({ host, value: index % 3 === 0 ? '/' : '/a' }))));
    const { items } = (await api.operator.get(`${shop.path}/triggers?limit=500`)).body as { items: { http: { host: string } }[] };
    const { items: others } = (await api.operator.get(`${bank.path}/triggers?limit=500`)).body as { items: { http: { host: string } }[] };
    const holders = [items, others].map((list) => list.filter(({ http }) => http.host === host).length);
    expect(Math.min(...holders)).toBe(0);
    expect(Math.max(...holders)).toBe(answers.filter(({ status }) => status === 201).length);
    expect(answers.filter(({ status }) => status !== 201).every(({ status }) => status === 409 || status === 503)).toBe(true);
  });
});

describe('a tenant that has spent all it may', () => {
  it('is reached through the gateway alone, until it may again', async () => {
    const team = await newTeam();
    await api.operator.post(`${team.path}/triggers`, body());
    const id = await functionId(team, 'pay');
    const contributor = api.plane.app.get(TriggersContributor, { strict: false });
    const facts = { id: team.context.tenantId, name: team.name, plan: 'standard', suspension: 'none', generation: 1 };
    const before = await jobs(id);
    await contributor.provision(team.context, { ...facts, spendReached: { } as never });
    expect((await contribution(team, id)).triggers?.http).toMatchObject([{ through: 'gateway' }]);
    expect(await jobs(id)).toBe(before + 1);
    await contributor.provision(team.context, { ...facts, spendReached: { } as never });
    expect(await jobs(id)).toBe(before + 1);
    await contributor.provision(team.context, { ...facts, spendReached: null });
    expect((await contribution(team, id)).triggers?.http?.[0]).not.toHaveProperty('through');
  });
});
