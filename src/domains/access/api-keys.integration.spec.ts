import { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpAnswer, HttpClient } from '../../../deploy/local/http-client.ts';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { eventually } from '../../../test/support/eventually.js';
import { statementsDuring } from '../../../test/support/statements.js';
import { addKey, addMember, makeTeam, type MadeKey, type Team } from '../../../test/support/teams.js';
import { API_KEY } from '../../contract/access-list.js';
import { tenantJobContext } from '../../platform/context/context.js';
import { AccessService } from './access.service.js';

/** The promise: what is taken away no longer works after so long, in any process. */
const REVOKED_WITHIN_MS = 5_000;

describe('API keys', () => {
  let api: TestApi;
  let elsewhere: TestApi;
  beforeAll(async () => {
    // Limits lease their tokens from the database: off, so that statements can be counted.
    api = await startApi({ FNPLANE_API_RATE: '0', FNPLANE_API_TENANT_RATE: '0' });
    elsewhere = await startApi({}, api);
  });
  afterAll(async () => {
    await elsewhere.stop();
    await api.stop();
  });

  const rotate = (by: HttpClient, team: Team, key: MadeKey, body: object = {}): Promise<HttpAnswer> => by.post(`${team.path}/api-keys/${key.id}/rotation`, body);
  const statusOf = async (team: Team, key: string, at: TestApi = api): Promise<number> => (await at.client(key).get(team.path)).status;
  const invokers = async ({ id, name }: Team) => (await api.plane.app.get(AccessService).invokers(tenantJobContext('test', { id, name }))).keys;

  /** Asks without a pause until the credential no longer works; how long that took. */
  async function endsWithin(team: Team, key: string, at: TestApi, since: number): Promise<number> {
    while (Date.now() - since < 2 * REVOKED_WITHIN_MS) {
      const asked = Date.now();
      if (await statusOf(team, key, at) === 401) return asked - since;
    }
    throw new Error('it went on working');
  }

  describe('with scopes', () => {
    it('may do what is both in their role and in their scopes, and tell so', async () => {
      const team = await makeTeam(api);
      const { id, client } = await addKey(api, team, 'admin', { scopes: ['keys:read', 'functions:read'] });
      expect((await client.get(`${team.path}/functions`)).status).toBe(200);
      expect((await client.get(`${team.path}/api-keys`)).status).toBe(200);
      for (const path of [team.path, `${team.path}/members`, `${team.path}/secrets`]) expect((await client.get(path)).body).toMatchObject({ status: 403, code: 'PERMISSION_DENIED' });
      expect((await client.post(`${team.path}/api-keys`, { name: 'x', role: 'viewer' })).status).toBe(403);
      expect((await team.owner.get(`${team.path}/api-keys/${id}`)).body).toMatchObject({ role: 'admin', scopes: ['keys:read', 'functions:read'], effectivePermissions: ['functions:read', 'keys:read'] });
      const all = await addKey(api, team, 'viewer');
      const read = (await team.owner.get(`${team.path}/api-keys/${all.id}`)).body as { scopes?: string[]; effectivePermissions: string[] };
      expect([read.scopes, read.effectivePermissions.includes('tenant:read')]).toEqual([undefined, true]);
    });

    it('see nothing of their tenant in lists when they may not read it', async () => {
      const team = await makeTeam(api);
      const { client } = await addKey(api, team, 'developer', { scopes: ['functions:invoke'] });
      expect((await client.get('/v1/tenants')).body).toEqual({ items: [], nextCursor: null });
      expect((await client.graphql('{ tenants { nodes { name } } }')).body).toMatchObject({ data: { tenants: { nodes: [] } } });
      const reader = await addKey(api, team, 'developer', { scopes: ['tenant:read'] });
      expect((await reader.client.get('/v1/tenants')).body.items).toMatchObject([{ id: team.id }]);
    });

    it('are refused with a scope that the role does not have, that does not exist, or with none at all', async () => {
      const team = await makeTeam(api);
      const make = (body: object) => team.owner.post(`${team.path}/api-keys`, { name: randomName('key'), role: 'viewer', ...body });
      expect((await make({ scopes: ['tenant:read', 'functions:deploy'] })).body).toMatchObject({ status: 422, code: 'SCOPE_OUTSIDE_ROLE', errors: [{ pointer: '/scopes/1' }] });
      for (const scopes of [['tenant:own'], [], 'tenant:read', [1], null]) {
        expect((await make({ scopes })).body).toMatchObject({ status: 422, code: 'VALIDATION_FAILED', errors: [{ pointer: '/scopes' }] });
      }
      expect((await team.owner.get(`${team.path}/api-keys`)).body.items).toEqual([]);
    });

    it('are handed out by whoever may do as much', async () => {
      const team = await makeTeam(api);
      const admin = await addMember(api, team, 'admin');
      expect((await admin.client.post(`${team.path}/api-keys`, { name: 'most', role: 'owner', scopes: ['tenant:read', 'tenant:delete'] })).body)
        .toMatchObject({ status: 403, code: 'ROLE_NOT_GRANTABLE', errors: [{ pointer: '/scopes' }] });
      const narrow = await addKey(api, team, 'admin', { scopes: ['keys:manage', 'functions:read'] });
      expect((await narrow.client.post(`${team.path}/api-keys`, { name: 'more', role: 'viewer' })).body.code).toBe('ROLE_NOT_GRANTABLE');
      expect((await narrow.client.post(`${team.path}/api-keys`, { name: 'same', role: 'viewer', scopes: ['functions:read'] })).status).toBe(201);
    });

    it('are in the gateways\' list only when they let it invoke', async () => {
      const team = await makeTeam(api);
      const may = await addKey(api, team, 'developer', { scopes: ['functions:invoke'] });
      await addKey(api, team, 'developer', { scopes: ['functions:read', 'functions:deploy'] });
      await addKey(api, team, 'viewer', { scopes: ['functions:read'] });
      expect((await invokers(team)).map(({ id }) => id)).toEqual([may.key.slice(4, 16)]);
    });
  });

  describe('that are rotated', () => {
    it('stay the same key with a new credential, and the old one works until the overlap ends', async () => {
      const team = await makeTeam(api);
      const expiresAt = '2099-01-01T00:00:00.000Z';
      const key = await addKey(api, team, 'admin', { scopes: ['tenant:read'], expiresAt });
      const before = (await team.owner.get(`${team.path}/api-keys/${key.id}`)).body as { etag: string };
      const rotated = await rotate(team.owner, team, key);
      expect([rotated.status, rotated.headers.get('cache-control')]).toEqual([200, 'no-store']);
      const credential = rotated.body.key as string;
      expect(credential).toMatch(API_KEY);
      expect(credential).not.toBe(key.key);
      const read = (await team.owner.get(`${team.path}/api-keys/${key.id}`)).body as { previousUntil: string };
      expect(read).toEqual({ ...before, etag: expect.not.stringMatching(before.etag) as string, prefix: credential.slice(0, 16), previousPrefix: key.key.slice(0, 16), previousUntil: expect.any(String), ...('lastUsedAt' in read ? { lastUsedAt: read.lastUsedAt } : {}) });
      expect(Math.abs(Date.parse(read.previousUntil) - Date.now() - 86_400_000)).toBeLessThan(60_000);
      expect(JSON.stringify(read)).not.toContain(credential.slice(17));
      for (const at of [api, elsewhere]) expect([await statusOf(team, key.key, at), await statusOf(team, credential, at)]).toEqual([200, 200]);
      expect((await rotate(team.owner, team, key, { overlapSeconds: 2 })).status).toBe(200);
      expect([await statusOf(team, key.key), await statusOf(team, credential)]).toEqual([401, 200]);
      await eventually(async () => expect(await statusOf(team, credential)).toBe(401), { withinMs: 4_000 });
      await eventually(async () => expect((await team.owner.get(`${team.path}/api-keys/${key.id}`)).body.previousPrefix).toBeUndefined(), { withinMs: 1_000 });
    });

    it('end the old credential at once without an overlap, and all of them when the key is revoked', async () => {
      const team = await makeTeam(api);
      const key = await addKey(api, team, 'viewer');
      expect(await statusOf(team, key.key)).toBe(200);
      const second = (await rotate(team.owner, team, key, { overlapSeconds: 0 })).body.key as string;
      expect([await statusOf(team, key.key), await statusOf(team, second)]).toEqual([401, 200]);
      const third = (await rotate(team.owner, team, key, { overlapSeconds: 60 })).body.key as string;
      expect([await statusOf(team, second), await statusOf(team, third)]).toEqual([200, 200]);
      expect((await team.owner.delete(`${team.path}/api-keys/${key.id}`)).status).toBe(204);
      expect([await statusOf(team, second), await statusOf(team, third)]).toEqual([401, 401]);
      expect((await rotate(team.owner, team, key)).body.code).toBe('API_KEY_NOT_FOUND');
    });

    it('stand in the gateways\' list with all credentials and their ends', async () => {
      const team = await makeTeam(api);
      const key = await addKey(api, team, 'developer');
      const credential = (await rotate(team.owner, team, key, { overlapSeconds: 60 })).body.key as string;
      const { previousUntil } = (await team.owner.get(`${team.path}/api-keys/${key.id}`)).body as { previousUntil: string };
      expect(await invokers(team)).toMatchObject([{ id: credential.slice(4, 16), expiresAt: null }, { id: key.key.slice(4, 16), expiresAt: previousUntil }]);
      const last = (await rotate(team.owner, team, key, { overlapSeconds: 0 })).body.key as string;
      expect((await invokers(team)).map(({ id }) => id)).toEqual([last.slice(4, 16)]);
    });

    it('are rotated by nobody who may not do all that they may', async () => {
      const team = await makeTeam(api);
      const admin = await addMember(api, team, 'admin');
      const key = await addKey(api, team, 'owner');
      expect((await rotate(admin.client, team, key)).body).toMatchObject({ status: 403, code: 'ROLE_NOT_GRANTABLE' });
      expect((await rotate(admin.client, team, await addKey(api, team, 'owner', { scopes: ['tenant:read'] }))).status).toBe(200);
      const viewer = await addMember(api, team, 'viewer');
      expect((await rotate(viewer.client, team, key)).body.code).toBe('PERMISSION_DENIED');
      expect(await statusOf(team, key.key)).toBe(200);
    });

    it('are bounded: by the longest overlap, by the key\'s expiry, by the tenant\'s suspension', async () => {
      const team = await makeTeam(api);
      const key = await addKey(api, team, 'viewer', { expiresAt: new Date(Date.now() + 2_000).toISOString() });
      for (const overlapSeconds of [-1, 604_801, 1.5, '60']) {
        expect((await rotate(team.owner, team, key, { overlapSeconds })).body).toMatchObject({ status: 422, errors: [{ pointer: '/overlapSeconds' }] });
      }
      const rotated = (await rotate(team.owner, team, key, { overlapSeconds: 604_800 })).body as { expiresAt: string; previousUntil: string };
      expect(rotated.previousUntil).toBe(rotated.expiresAt);
      await eventually(async () => expect((await rotate(team.owner, team, key)).body).toMatchObject({ status: 409, code: 'API_KEY_EXPIRED' }), { withinMs: 4_000 });
      const lasting = await addKey(api, team, 'viewer');
      await api.operator.put(`${team.path}/suspension`, { level: 'writes' });
      expect((await rotate(team.owner, team, lasting)).body.code).toBe('TENANT_SUSPENDED');
    });

    it('at the same time end up with one new credential and one before it', async () => {
      const team = await makeTeam(api);
      const key = await addKey(api, team, 'viewer');
      const answers = await Promise.all(Array.from({ length: 5 }, () => rotate(team.owner, team, key, { overlapSeconds: 60 })));
      const credentials = [key.key, ...answers.map(({ body }) => body.key as string)];
      const working = (await Promise.all(credentials.map((credential) => statusOf(team, credential)))).filter((status) => status === 200);
      expect(working).toHaveLength(2);
    });

    it('change nothing when only validated', async () => {
      const team = await makeTeam(api);
      const key = await addKey(api, team, 'viewer');
      const checked = await team.owner.post(`${team.path}/api-keys/${key.id}/rotation?validateOnly=true`, { overlapSeconds: 0 });
      expect(checked.status).toBe(200);
      expect([await statusOf(team, key.key), await statusOf(team, checked.body.key as string)]).toEqual([200, 401]);
    });
  });

  it('end in other processes within 5 s, whether revoked or rotated without an overlap', async () => {
    const team = await makeTeam(api);
    const [revoked, rotated] = [await addKey(api, team, 'viewer'), await addKey(api, team, 'viewer')];
    expect([await statusOf(team, revoked.key, elsewhere), await statusOf(team, rotated.key, elsewhere)]).toEqual([200, 200]);
    const since = Date.now();
    expect((await team.owner.delete(`${team.path}/api-keys/${revoked.id}`)).status).toBe(204);
    const credential = (await rotate(team.owner, team, rotated, { overlapSeconds: 0 })).body.key as string;
    expect(await statusOf(team, credential, elsewhere)).toBe(200);
    const ended = await Promise.all([endsWithin(team, revoked.key, elsewhere, since), endsWithin(team, rotated.key, elsewhere, since)]);
    for (const ms of ended) expect(ms).toBeLessThanOrEqual(REVOKED_WITHIN_MS);
    expect([await statusOf(team, revoked.key, elsewhere), await statusOf(team, credential, elsewhere)]).toEqual([401, 200]);
  });

  it('cost no statement once known: 50 requests, 50 statements, each the handler\'s own', async () => {
    const team = await makeTeam(api);
    const { id, client } = await addKey(api, team, 'viewer');
    await client.get(team.path);
    // Its first use is noted a second later, and then not for a minute.
    await eventually(async () => expect((await team.owner.get(`${team.path}/api-keys/${id}`)).body.lastUsedAt).toBeDefined(), { withinMs: 5_000 });
    await client.get(team.path);
    const sent = await statementsDuring(() => Promise.all(Array.from({ length: 50 }, async () => expect((await client.get(team.path)).status).toBe(200))));
    expect(sent).toHaveLength(50);
    expect(new Set(sent)).toEqual(new Set([expect.stringMatching(/FROM tenant WHERE id = \$1/)]));
  });

  it('are nowhere in the database in the open, though a repeat of the request gives them again', async () => {
    const team = await makeTeam(api);
    const headers = { 'idempotency-key': randomName('k') };
    const create = () => team.owner.post(`${team.path}/api-keys`, { name: 'once', role: 'viewer' }, { headers });
    const [first, again] = [await create(), await create()];
    const rotation = { headers: { 'idempotency-key': randomName('k') } };
    const turn = () => team.owner.post(`${team.path}/api-keys/once/rotation`, { overlapSeconds: 60 }, rotation);
    const [turned, turnedAgain] = [await turn(), await turn()];
    for (const answer of [first, again, turned, turnedAgain]) expect(answer.headers.get('cache-control')).toBe('no-store');
    expect([again.headers.get('idempotency-replayed'), again.body.key, turnedAgain.body.key]).toEqual(['true', first.body.key, turned.body.key]);
    const graphql = 'mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { key userErrors { code } } }';
    const made = await team.owner.graphql(graphql, { input: { tenant: team.name, idempotencyKey: randomName('k'), apiKey: { name: 'too', role: 'VIEWER' } } });
    expect(made.headers.get('cache-control')).toBe('no-store');
    const stored = await wholeDatabase(api.config.DATABASE_URL!);
    expect(stored).toContain((first.body.key as string).slice(4, 16));
    for (const key of [first.body.key, turned.body.key, made.body.data.createApiKey.key] as string[]) {
      const secret = key.slice(17);
      for (const form of [secret, Buffer.from(secret).toString('hex'), Buffer.from(secret).toString('base64').replaceAll('=', ''), Buffer.from(secret, 'base64url').toString('hex')]) expect(stored).not.toContain(form);
    }
  });

  it('are narrowed and rotated through GraphQL by the same rules', async () => {
    const team = await makeTeam(api);
    const create = 'mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id uuid scopes effectivePermissions } userErrors { code field } } }';
    const refused = await team.owner.graphql(create, { input: { tenant: team.name, apiKey: { name: 'ci', role: 'VIEWER', scopes: ['FUNCTIONS_READ', 'FUNCTIONS_INVOKE'] } } });
    expect(refused.body.data.createApiKey).toEqual({ key: null, apiKey: null, userErrors: [{ code: 'SCOPE_OUTSIDE_ROLE', field: ['input', 'scopes', '1'] }] });
    const made = (await team.owner.graphql(create, { input: { tenant: team.name, apiKey: { name: 'ci', role: 'DEVELOPER', scopes: ['TENANT_READ', 'FUNCTIONS_INVOKE'] } } })).body.data.createApiKey as { key: string; apiKey: { uuid: string } };
    expect(made.apiKey).toMatchObject({ scopes: ['TENANT_READ', 'FUNCTIONS_INVOKE'], effectivePermissions: ['TENANT_READ', 'FUNCTIONS_INVOKE'] });
    const rotation = 'mutation($input: RotateApiKeyInput!) { rotateApiKey(input: $input) { key apiKey { uuid prefix previousPrefix previousUntil scopes } userErrors { code field } } }';
    const rotated = (await team.owner.graphql(rotation, { input: { tenant: team.name, apiKey: 'ci', overlapSeconds: 60 } })).body.data.rotateApiKey as { key: string };
    expect(rotated).toMatchObject({ apiKey: { uuid: made.apiKey.uuid, prefix: rotated.key.slice(0, 16), previousPrefix: made.key.slice(0, 16), scopes: ['TENANT_READ', 'FUNCTIONS_INVOKE'] }, userErrors: [] });
    expect([await statusOf(team, made.key), await statusOf(team, rotated.key)]).toEqual([200, 200]);
    const last = (await team.owner.graphql(rotation, { input: { tenant: team.name, apiKey: 'ci', overlapSeconds: 0 } })).body.data.rotateApiKey as { key: string };
    expect([await statusOf(team, made.key), await statusOf(team, rotated.key), await statusOf(team, last.key)]).toEqual([401, 401, 200]);
    expect((await team.owner.graphql(rotation, { input: { tenant: team.name, apiKey: 'nothing' } })).body.data.rotateApiKey.userErrors).toEqual([{ code: 'API_KEY_NOT_FOUND', field: null }]);
    expect((await api.client(last.key).graphql(rotation, { input: { tenant: team.name, apiKey: 'ci' } })).body.errors[0].extensions.code).toBe('PERMISSION_DENIED');
  });
});

/** Every row of every table as text; bytes as hex. */
async function wholeDatabase(url: string): Promise<string> {
  const pool = new Pool({ connectionString: url, max: 1 });
  try {
    const tables = await pool.query<{ name: string }>(`SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'`);
    const rows: string[] = [];
    for (const { name } of tables.rows) rows.push(...(await pool.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)).rows.map(({ row }) => row));
    return rows.join('\n');
  } finally {
    await pool.end();
  }
}
