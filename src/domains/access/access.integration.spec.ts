import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Pool } from 'pg';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import type { HttpClient } from '../../../deploy/local/http-client.ts';
import { eventually } from '../../../test/support/eventually.js';
import { mintToken, testIssuer } from '../../../test/support/tokens.js';
import { API_KEY } from '../../contract/access-list.js';
import { AccessDirectory } from '../../platform/auth/authorization.js';
import { tenantJobContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { AccessService } from './access.service.js';

const issuer = testIssuer().issuer;

describe('access', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());

  /** A tenant with an owner who is no operator of the platform. */
  async function team(): Promise<{ name: string; id: string; owner: HttpClient; ownerSubject: string; ownerId: string }> {
    const name = randomName('team');
    const ownerSubject = randomName('owner');
    const founder = api.client(await mintToken({ subject: ownerSubject, roles: ['operator'] }));
    const created = await founder.post('/v1/tenants', { name });
    expect(created.status).toBe(202);
    const owner = await api.person(ownerSubject);
    const members = await owner.get(`/v1/tenants/${name}/members`);
    return { name, id: created.body.id as string, owner, ownerSubject, ownerId: members.body.items[0].id as string };
  }

  async function member(owner: HttpClient, tenant: string, role: string): Promise<{ client: HttpClient; id: string; subject: string }> {
    const subject = randomName(role);
    const added = await owner.post(`/v1/tenants/${tenant}/members`, { issuer, subject, role });
    expect(added.status).toBe(201);
    return { client: await api.person(subject), id: added.body.id as string, subject };
  }

  describe('members', () => {
    it('begin with the person who made the tenant, as its owner', async () => {
      const { name, owner, ownerSubject } = await team();
      const { body } = await owner.get(`/v1/tenants/${name}/members`);
      expect(body.items).toMatchObject([{ issuer, subject: ownerSubject, role: 'owner' }]);
    });

    it('are added, found, changed and removed', async () => {
      const { name, owner } = await team();
      const { client, id, subject } = await member(owner, name, 'viewer');
      expect((await client.get(`/v1/tenants/${name}`)).status).toBe(200);
      expect((await client.get(`/v1/tenants/${name}/members`)).status).toBe(403);
      expect((await owner.get(`/v1/tenants/${name}/members?subject=${subject}`)).body.items.map((item: { id: string }) => item.id)).toEqual([id]);
      const changed = await owner.patch(`/v1/tenants/${name}/members/${id}`, { role: 'admin' });
      expect([changed.status, changed.body.role]).toEqual([200, 'admin']);
      expect((await client.get(`/v1/tenants/${name}/members`)).status).toBe(200);
      expect((await owner.delete(`/v1/tenants/${name}/members/${id}`)).status).toBe(204);
      expect((await client.get(`/v1/tenants/${name}`)).status).toBe(404);
      expect((await owner.get(`/v1/tenants/${name}/members/${id}`)).body.code).toBe('MEMBER_NOT_FOUND');
    });

    it('are told apart from those of no tenant at once, whatever was asked before', async () => {
      const { name, owner } = await team();
      const subject = randomName('late');
      const client = await api.person(subject);
      expect((await client.get(`/v1/tenants/${name}`)).status).toBe(404);
      await owner.post(`/v1/tenants/${name}/members`, { issuer, subject, role: 'viewer' });
      expect((await client.get(`/v1/tenants/${name}`)).status).toBe(200);
    });

    it('cannot be added twice, under an issuer nobody trusts, or with fields that do not exist', async () => {
      const { name, owner } = await team();
      const { subject } = await member(owner, name, 'viewer');
      expect((await owner.post(`/v1/tenants/${name}/members`, { issuer, subject, role: 'owner' })).body).toMatchObject({ status: 409, code: 'MEMBER_EXISTS' });
      expect((await owner.post(`/v1/tenants/${name}/members`, { issuer: 'https://elsewhere.invalid', subject: 'x', role: 'viewer' })).body).toMatchObject({ status: 422, code: 'ISSUER_UNKNOWN', errors: [{ pointer: '/issuer' }] });
      const wrong = await owner.post(`/v1/tenants/${name}/members`, { issuer, subject: '', role: 'king', crown: true });
      expect([wrong.status, wrong.body.errors.map((error: { pointer: string }) => error.pointer).sort()]).toEqual([422, ['/crown', '/role', '/subject']]);
    });

    it('always include an owner', async () => {
      const { name, owner, ownerId } = await team();
      expect((await owner.delete(`/v1/tenants/${name}/members/${ownerId}`)).body).toMatchObject({ status: 409, code: 'LAST_OWNER' });
      expect((await owner.patch(`/v1/tenants/${name}/members/${ownerId}`, { role: 'admin' })).body.code).toBe('LAST_OWNER');
      expect((await owner.patch(`/v1/tenants/${name}/members/${ownerId}`, { role: 'owner' })).status).toBe(200);
      await member(owner, name, 'owner');
      expect((await owner.delete(`/v1/tenants/${name}/members/${ownerId}`)).status).toBe(204);
    });

    it('include one even when two owners leave or remove each other at the same time', async () => {
      for (let round = 0; round < 5; round += 1) {
        const { name, owner, ownerId } = await team();
        const second = await member(owner, name, 'owner');
        const both = await Promise.all([
          owner.delete(`/v1/tenants/${name}/members/${second.id}`),
          second.client.patch(`/v1/tenants/${name}/members/${ownerId}`, { role: 'viewer' }),
        ]);
        expect(both.filter((answer) => answer.status < 300)).toHaveLength(1);
        const left = await api.operator.get(`/v1/tenants/${name}/members`);
        expect(left.body.items.filter((item: { role: string }) => item.role === 'owner')).toHaveLength(1);
      }
    });

    it('cannot give a role beyond their own, nor take an owner\'s', async () => {
      const { name, owner, ownerId } = await team();
      await member(owner, name, 'owner');
      const admin = await member(owner, name, 'admin');
      expect((await admin.client.post(`/v1/tenants/${name}/members`, { issuer, subject: 'x', role: 'owner' })).body).toMatchObject({ status: 403, code: 'ROLE_NOT_GRANTABLE' });
      expect((await admin.client.patch(`/v1/tenants/${name}/members/${admin.id}`, { role: 'owner' })).body.code).toBe('ROLE_NOT_GRANTABLE');
      expect((await admin.client.delete(`/v1/tenants/${name}/members/${ownerId}`)).body).toMatchObject({ status: 403, code: 'OWNER_PROTECTED' });
      expect((await admin.client.post(`/v1/tenants/${name}/api-keys`, { name: 'root', role: 'owner' })).body.code).toBe('ROLE_NOT_GRANTABLE');
      expect((await admin.client.post(`/v1/tenants/${name}/members`, { issuer, subject: 'x', role: 'admin' })).status).toBe(201);
    });

    it('honour If-Match', async () => {
      const { name, owner } = await team();
      const { id } = await member(owner, name, 'viewer');
      const etag = (await owner.get(`/v1/tenants/${name}/members/${id}`)).headers.get('etag')!;
      expect((await owner.patch(`/v1/tenants/${name}/members/${id}`, { role: 'developer' }, { headers: { 'if-match': etag } })).status).toBe(200);
      expect((await owner.delete(`/v1/tenants/${name}/members/${id}`, { headers: { 'if-match': etag } })).status).toBe(412);
    });

    it('of another tenant are invisible, to the API and to the database\'s own wall', async () => {
      const one = await team();
      const two = await team();
      expect((await one.owner.get(`/v1/tenants/${two.name}/members`)).body.code).toBe('TENANT_NOT_FOUND');
      expect((await one.owner.get(`/v1/tenants/${one.name}/members/${two.ownerId}`)).body.code).toBe('MEMBER_NOT_FOUND');
      const database = api.plane.app.get(Database);
      const rows = await database.transaction(tenantJobContext('test', one), (manager) => manager.query('SELECT tenant_id FROM member UNION ALL SELECT tenant_id FROM api_key'));
      expect(new Set((rows as { tenant_id: string }[]).map((row) => row.tenant_id))).toEqual(new Set([one.id]));
      const smuggled = database.transaction(tenantJobContext('test', one), (manager) => manager.query(`INSERT INTO member (tenant_id, id, issuer, subject, role) VALUES ($1, $2, 'i', 's', 'owner')`, [two.id, randomUUID()]));
      await expect(smuggled).rejects.toThrow(/row-level security/);
    });

    it('are paged', async () => {
      const { name, owner } = await team();
      for (let index = 0; index < 4; index += 1) await member(owner, name, 'viewer');
      const first = await owner.get(`/v1/tenants/${name}/members?limit=3`);
      const second = await owner.get(`/v1/tenants/${name}/members?limit=3&cursor=${first.body.nextCursor}`);
      expect([first.body.items.length, second.body.items.length, second.body.nextCursor]).toEqual([3, 2, null]);
      expect(new Set([...first.body.items, ...second.body.items].map((item: { id: string }) => item.id)).size).toBe(5);
    });
  });

  describe('API keys', () => {
    async function key(owner: HttpClient, tenant: string, role: string, more: object = {}): Promise<{ id: string; key: string; client: HttpClient }> {
      const made = await owner.post(`/v1/tenants/${tenant}/api-keys`, { name: randomName('key'), role, ...more });
      expect(made.status).toBe(201);
      return { id: made.body.id as string, key: made.body.key as string, client: api.client(made.body.key as string) };
    }

    it('are shown once, work at once, and end at once', async () => {
      const { name, owner } = await team();
      const { id, key: secret, client } = await key(owner, name, 'developer');
      expect(secret).toMatch(API_KEY);
      expect((await client.get(`/v1/tenants/${name}`)).status).toBe(200);
      expect((await api.client().get(`/v1/tenants/${name}`, { headers: { 'x-api-key': secret } })).status).toBe(200);
      const read = await owner.get(`/v1/tenants/${name}/api-keys/${id}`);
      expect(JSON.stringify(read.body)).not.toContain(secret.slice(17));
      expect(read.body).toMatchObject({ role: 'developer', prefix: secret.slice(0, 16) });
      expect((await owner.delete(`/v1/tenants/${name}/api-keys/${id}`)).status).toBe(204);
      expect((await client.get(`/v1/tenants/${name}`)).status).toBe(401);
      expect((await owner.get(`/v1/tenants/${name}/api-keys/${id}`)).status).toBe(404);
      expect((await owner.delete(`/v1/tenants/${name}/api-keys/${id}`)).status).toBe(404);
    });

    it('are kept as hashes: nothing in the database gives them away', async () => {
      const { name, owner } = await team();
      const { key: secret } = await key(owner, name, 'viewer');
      const pool = new Pool({ connectionString: api.config.DATABASE_URL });
      const { rows } = await pool.query<{ row: string }>(`SELECT row_to_json(api_key)::text AS row FROM api_key UNION ALL SELECT row_to_json(audit_entry)::text FROM audit_entry`);
      await pool.end();
      expect(rows.some(({ row }) => row.includes(secret.slice(0, 16).replace('fnp_', '')))).toBe(true);
      expect(rows.some(({ row }) => row.includes(secret.slice(17)))).toBe(false);
    });

    it('have the rights of their role in their own tenant and none elsewhere', async () => {
      const one = await team();
      const two = await team();
      const { client } = await key(one.owner, one.name, 'viewer');
      expect((await client.get(`/v1/tenants/${one.id}`)).status).toBe(200);
      expect((await client.get(`/v1/tenants/${one.name}/api-keys`)).status).toBe(403);
      expect((await client.get(`/v1/tenants/${two.name}`)).body.code).toBe('TENANT_NOT_FOUND');
      expect((await client.get('/v1/tenants')).body.items.map((item: { name: string }) => item.name)).toEqual([one.name]);
    });

    it('cannot pass on more than they have', async () => {
      const { name, owner } = await team();
      const { client } = await key(owner, name, 'admin');
      expect((await client.post(`/v1/tenants/${name}/api-keys`, { name: 'more', role: 'owner' })).body.code).toBe('ROLE_NOT_GRANTABLE');
      expect((await client.post(`/v1/tenants/${name}/api-keys`, { name: 'same', role: 'admin' })).status).toBe(201);
    });

    it('expire', async () => {
      const { name, owner } = await team();
      expect((await owner.post(`/v1/tenants/${name}/api-keys`, { name: 'late', role: 'viewer', expiresAt: '2020-01-01T00:00:00Z' })).body).toMatchObject({ status: 422, code: 'EXPIRY_IN_PAST', errors: [{ pointer: '/expiresAt' }] });
      const { client } = await key(owner, name, 'viewer', { expiresAt: new Date(Date.now() + 1_500).toISOString() });
      expect((await client.get(`/v1/tenants/${name}`)).status).toBe(200);
      await eventually(async () => expect((await client.get(`/v1/tenants/${name}`)).status).toBe(401), { withinMs: 5_000 });
    });

    it('have names that are unique until they are free again', async () => {
      const { name, owner } = await team();
      const path = `/v1/tenants/${name}/api-keys`;
      expect((await owner.post(path, { name: 'ci', role: 'viewer' })).status).toBe(201);
      expect((await owner.post(path, { name: 'ci', role: 'viewer' })).body).toMatchObject({ status: 409, code: 'API_KEY_NAME_TAKEN' });
      expect((await owner.get(`${path}/ci`)).body.name).toBe('ci');
      expect((await owner.delete(`${path}/ci`)).status).toBe(204);
      expect((await owner.post(path, { name: 'ci', role: 'viewer' })).status).toBe(201);
      expect((await owner.get(`${path}?name=ci`)).body.items).toHaveLength(1);
      expect((await owner.post(path, { name: randomUUID(), role: 'viewer' })).status).toBe(422);
    });

    it('are refused when only the prefix is right', async () => {
      const { name, owner } = await team();
      const { key: secret } = await key(owner, name, 'owner');
      const forged = `${secret.slice(0, 17)}${'A'.repeat(43)}`;
      expect((await api.client(forged).get(`/v1/tenants/${name}`)).status).toBe(401);
      expect((await api.client(secret).get(`/v1/tenants/${name}`)).status).toBe(200);
    });

    it('note their last use off the request path, once for many uses', async () => {
      const { name, owner } = await team();
      const { id, client } = await key(owner, name, 'viewer');
      await Promise.all(Array.from({ length: 20 }, () => client.get(`/v1/tenants/${name}`)));
      const lastUse = async (): Promise<string | undefined> => (await owner.get(`/v1/tenants/${name}/api-keys/${id}`)).body.lastUsedAt as string | undefined;
      await eventually(async () => expect(await lastUse()).toBeDefined(), { withinMs: 5_000 });
      const noted = await lastUse();
      await client.get(`/v1/tenants/${name}`);
      expect(Date.now() - Date.parse(noted!)).toBeLessThan(10_000);
      expect(await lastUse()).toBe(noted);
    });

    it('are given again for the same idempotency key, and not made when only validated', async () => {
      const { name, owner } = await team();
      const headers = { 'idempotency-key': randomName('k') };
      const first = await owner.post(`/v1/tenants/${name}/api-keys`, { name: 'once', role: 'viewer' }, { headers });
      const again = await owner.post(`/v1/tenants/${name}/api-keys`, { name: 'once', role: 'viewer' }, { headers });
      expect([again.status, again.body.key]).toEqual([201, first.body.key]);
      expect((await owner.post(`/v1/tenants/${name}/api-keys?validateOnly=true`, { name: 'twice', role: 'viewer' })).status).toBe(200);
      expect((await owner.get(`/v1/tenants/${name}/api-keys`)).body.items.map((item: { name: string }) => item.name)).toEqual(['once']);
    });
  });

  it('answers GraphQL with the same rules', async () => {
    const { name, owner, ownerId } = await team();
    const subject = randomName('dev');
    const added = await owner.graphql('mutation($input: AddMemberInput!) { addMember(input: $input) { member { id uuid role etag } userErrors { code } } }', { input: { tenant: name, member: { issuer, subject, role: 'DEVELOPER' } } });
    expect(added.body).toMatchObject({ data: { addMember: { member: { role: 'DEVELOPER' }, userErrors: [] } } });
    const last = await owner.graphql('mutation($input: RemoveMemberInput!) { removeMember(input: $input) { member { id } userErrors { code } } }', { input: { tenant: name, member: ownerId } });
    expect(last.body.data.removeMember).toEqual({ member: null, userErrors: [{ code: 'LAST_OWNER' }] });
    const made = await owner.graphql('mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id uuid name role expiresAt } userErrors { code field } } }', { input: { tenant: name, apiKey: { name: 'ci', role: 'VIEWER' } } });
    expect(made.body.data.createApiKey).toMatchObject({ apiKey: { name: 'ci', role: 'VIEWER', expiresAt: null }, userErrors: [] });
    const read = await owner.graphql('query($t: String!) { viewer { kind subject platformRoles } tenant(tenant: $t) { viewerPermissions members(first: 10) { nodes { subject role } } apiKeys { nodes { name prefix } } } }', { t: name });
    expect(read.body.data.tenant.members.nodes.map((node: { role: string }) => node.role)).toEqual(['OWNER', 'DEVELOPER']);
    expect(read.body.data.tenant.apiKeys.nodes).toEqual([{ name: 'ci', prefix: (made.body.data.createApiKey.key as string).slice(0, 16) }]);
    expect(read.body.data.tenant.viewerPermissions).toContain('tenant:delete');
    const viewer = await api.client(made.body.data.createApiKey.key as string).graphql('{ viewer { kind tenantId platformPermissions } }');
    expect(viewer.body.data.viewer).toMatchObject({ kind: 'API_KEY', platformPermissions: ['plans:read', 'authenticated'] });
    const denied = await api.client(made.body.data.createApiKey.key as string).graphql('query($t: String!) { tenant(tenant: $t) { name members { nodes { subject } } } }', { t: name });
    expect(denied.body.errors[0].extensions.code).toBe('PERMISSION_DENIED');
  });

  it('tells who is asking', async () => {
    const me = await api.operator.get('/v1/me');
    expect(me.body).toMatchObject({ kind: 'user', issuer, platformRoles: ['operator'] });
    expect(me.body.platformPermissions).toContain('tenants:create');
    expect((await api.client().get('/v1/me')).status).toBe(401);
  });

  it('lists as invokers those whose role includes it, in the same order each time', async () => {
    const { name, id, owner, ownerSubject } = await team();
    const developer = await member(owner, name, 'developer');
    await member(owner, name, 'viewer');
    const dev = await owner.post(`/v1/tenants/${name}/api-keys`, { name: 'dev', role: 'developer', expiresAt: '2099-01-01T00:00:00Z' });
    await owner.post(`/v1/tenants/${name}/api-keys`, { name: 'view', role: 'viewer' });
    const gone = await owner.post(`/v1/tenants/${name}/api-keys`, { name: 'gone', role: 'developer' });
    await owner.delete(`/v1/tenants/${name}/api-keys/${gone.body.id}`);
    const service = api.plane.app.get(AccessService);
    const list = await service.invokers(tenantJobContext('test', { id, name }));
    expect(new Set(list.members.map((item) => item.subject))).toEqual(new Set([ownerSubject, developer.subject]));
    expect(list.keys).toMatchObject([{ id: (dev.body.key as string).slice(4, 16), expiresAt: '2099-01-01T00:00:00.000Z' }]);
    expect(await service.invokers(tenantJobContext('test', { id, name }))).toEqual(list);
  });

  it('asks the database once for many requests', async () => {
    const { name, owner, ownerSubject } = await team();
    const directory = api.plane.app.get(AccessDirectory);
    const database = api.plane.app.get(Database);
    const made = await owner.post(`/v1/tenants/${name}/api-keys`, { name: 'load', role: 'viewer' });
    const statements = await countStatements(database, async () => {
      for (let index = 0; index < 50; index += 1) {
        const principal = await directory.findApiKey(made.body.key as string);
        expect(await directory.resolveTenant(principal!, name, 'r')).not.toBeNull();
      }
    });
    expect(statements).toBe(1);
    const person = { kind: 'user' as const, key: `user:${issuer}|${ownerSubject}`, issuer, subject: ownerSubject, platformRoles: [] };
    await directory.resolveTenant(person, name, 'r');
    expect(await countStatements(database, () => directory.resolveTenant(person, name, 'r'))).toBe(0);
  });

  it('refuses changes while the tenant is suspended', async () => {
    const { name, owner } = await team();
    await api.operator.put(`/v1/tenants/${name}/suspension`, { level: 'writes' });
    expect((await owner.post(`/v1/tenants/${name}/members`, { issuer, subject: 'x', role: 'viewer' })).body.code).toBe('TENANT_SUSPENDED');
    expect((await owner.post(`/v1/tenants/${name}/api-keys`, { name: 'x', role: 'viewer' })).body.code).toBe('TENANT_SUSPENDED');
    expect((await owner.get(`/v1/tenants/${name}/api-keys`)).body.items).toEqual([]);
  });

  it('takes access away also while the tenant is suspended: a leaked key waits for nobody', async () => {
    const { name, owner } = await team();
    const at = `/v1/tenants/${name}`;
    const key = (await owner.post(`${at}/api-keys`, { name: 'leaked', role: 'viewer' })).body as { id: string; key: string };
    const member = (await owner.post(`${at}/members`, { issuer, subject: randomName('left'), role: 'viewer' })).body as { id: string };
    const invitation = (await owner.post(`${at}/invitations`, { email: 'guest@mail.example', role: 'viewer' })).body as { id: string };
    await api.operator.put(`${at}/suspension`, { level: 'compute' });
    for (const path of [`api-keys/${key.id}`, `members/${member.id}`, `invitations/${invitation.id}`]) expect([path, (await owner.delete(`${at}/${path}`)).status]).toEqual([path, 204]);
    expect((await api.client(key.key).get(at)).status).toBe(401);
  });
});

/** Lookups sent to Postgres meanwhile. */
async function countStatements(database: Database, work: () => Promise<unknown>): Promise<number> {
  const original = database.statement.bind(database);
  let count = 0;
  database.statement = ((...args: Parameters<typeof original>) => {
    if (args[0].principal.key === 'system:access') count += 1;
    return original(...args);
  }) as typeof database.statement;
  try {
    await work();
  } finally {
    database.statement = original;
  }
  return count;
}
