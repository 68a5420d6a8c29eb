import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpAnswer, HttpClient } from '../../../deploy/local/http-client.ts';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { mintToken, testIssuer } from '../../../test/support/tokens.js';
import { tenantJobContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { FounderParticipant } from './founder.participant.js';

const DAY_MS = 86_400_000;
const issuer = testIssuer().issuer;

/** The same acts by either transport; the answer is REST's in both. */
interface Transport {
  name: string;
  invite(client: HttpClient, tenant: string, body: Record<string, unknown>): Promise<Outcome>;
  withdraw(client: HttpClient, tenant: string, id: string): Promise<Outcome>;
  list(client: HttpClient, tenant: string): Promise<string[]>;
  received(client: HttpClient): Promise<Record<string, unknown>[]>;
  accept(client: HttpClient, id: string): Promise<Outcome>;
}

interface Outcome {
  code: string | undefined;
  body: Record<string, unknown>;
}

const rest = (answer: HttpAnswer): Outcome => ({ code: answer.status < 300 ? undefined : answer.body.code, body: answer.body });

const REST: Transport = {
  name: 'REST',
  invite: async (client, tenant, body) => rest(await client.post(`/v1/tenants/${tenant}/invitations`, body)),
  withdraw: async (client, tenant, id) => rest(await client.delete(`/v1/tenants/${tenant}/invitations/${id}`)),
  list: async (client, tenant) => (await client.get(`/v1/tenants/${tenant}/invitations`)).body.items.map((item: { id: string }) => item.id),
  received: async (client) => (await client.get('/v1/me/invitations')).body.items,
  accept: async (client, id) => rest(await client.post(`/v1/me/invitations/${id}/acceptance`)),
};

async function mutate(client: HttpClient, name: string, input: Record<string, unknown>, fields: string): Promise<Outcome> {
  const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
  const { body } = await client.graphql(`mutation($input: ${type}!) { ${name}(input: $input) { ${fields} userErrors { code field } } }`, { input });
  const payload = body.data?.[name];
  const made = Object.values(payload ?? {}).find((value) => value && !Array.isArray(value)) as Record<string, unknown> | undefined;
  return { code: body.errors?.[0]?.extensions.code ?? payload?.userErrors[0]?.code, body: { ...made, ...(made?.role ? { role: String(made.role).toLowerCase() } : {}) } };
}

const FIELDS = 'id: uuid email role expiresAt invitedBy createdAt';

const GRAPHQL: Transport = {
  name: 'GraphQL',
  invite: (client, tenant, { role, ...body }) => mutate(client, 'inviteMember', { tenant, invitation: { ...body, role: String(role).toUpperCase() } }, `invitation { ${FIELDS} }`),
  withdraw: (client, tenant, id) => mutate(client, 'withdrawInvitation', { tenant, invitation: id }, 'invitation { email }'),
  list: async (client, tenant) => (await client.graphql('query($t: String!) { tenant(tenant: $t) { invitations { nodes { uuid } } } }', { t: tenant })).body.data.tenant.invitations.nodes.map((node: { uuid: string }) => node.uuid),
  received: async (client) => (await client.graphql(`{ viewer { invitations { nodes { nodeId: id tenantName ${FIELDS} } } } }`)).body.data.viewer.invitations.nodes.map((node: { role: string }) => ({ ...node, role: node.role.toLowerCase() })),
  accept: (client, id) => mutate(client, 'acceptInvitation', { invitation: id }, 'member { id: uuid issuer subject role }'),
};

describe('invitations', () => {
  let api: TestApi;
  let pool: Pool;
  beforeAll(async () => {
    api = await startApi();
    pool = new Pool({ connectionString: api.config.DATABASE_URL, max: 2 });
  });
  afterAll(async () => {
    await pool.end();
    await api.stop();
  });

  async function team(): Promise<{ name: string; id: string; owner: HttpClient; subject: string }> {
    const name = randomName('team');
    const subject = randomName('owner');
    const { body } = await api.client(await mintToken({ subject, roles: ['operator'] })).post('/v1/tenants', { name });
    return { name, id: body.id as string, owner: await api.person(subject), subject };
  }

  const address = (): string => `${randomName('ada')}@example.com`;
  const person = async (email: string, more: { emailVerified?: boolean; subject?: string } = {}): Promise<HttpClient> => api.client(await mintToken({ email, ...more }));
  const expire = (id: string) => pool.query(`UPDATE invitation SET expires_at = now() - interval '1 second' WHERE id = $1`, [id]);
  const audited = async (tenantId: string): Promise<string[]> => (await pool.query<{ line: string }>(
    `SELECT action || ' ' || target_name AS line FROM audit_entry WHERE tenant_id = $1 AND (action LIKE 'invitation.%' OR action = 'member.add') ORDER BY at, action`, [tenantId])).rows.map(({ line }) => line);

  describe.each([REST, GRAPHQL])('by $name', (by) => {
    it('bring a person in, once, as what the invitation says', async () => {
      const { name, id: tenantId, owner, subject: ownerSubject } = await team();
      const email = address();
      const made = await by.invite(owner, name, { email: email.toUpperCase(), role: 'developer' });
      expect(made).toMatchObject({ code: undefined, body: { email, role: 'developer', invitedBy: `user:${issuer}|${ownerSubject}` } });
      expect(Math.abs(Date.parse(made.body.expiresAt as string) - Date.now() - 7 * DAY_MS)).toBeLessThan(60_000);
      const id = made.body.id as string;
      expect(await by.list(owner, name)).toEqual([id]);
      const subject = randomName('ada');
      const ada = await person(email, { subject });
      expect((await ada.get(`/v1/tenants/${name}`)).status).toBe(404);
      expect(await by.received(ada)).toMatchObject([{ id, tenantName: name, role: 'developer', email }]);
      const member = await by.accept(ada, id);
      expect(member).toMatchObject({ code: undefined, body: { issuer, subject, role: 'developer' } });
      expect((await ada.get(`/v1/tenants/${name}`)).status).toBe(200);
      expect((await owner.get(`/v1/tenants/${name}/members/${String(member.body.id)}`)).body).toMatchObject({ issuer, subject, role: 'developer' });
      expect([await by.list(owner, name), await by.received(ada), (await by.accept(ada, id)).code]).toEqual([[], [], 'INVITATION_NOT_FOUND']);
      expect(await audited(tenantId)).toEqual([`member.add ${ownerSubject}`, `invitation.create ${email}`, `invitation.accept ${email}`, `member.add ${subject}`]);
    });

    it('are for nobody but the person with that verified address, and the same to all others', async () => {
      const { name, owner } = await team();
      const email = address();
      const id = (await by.invite(owner, name, { email, role: 'viewer' })).body.id as string;
      const expired = (await by.invite(owner, name, { email: address(), role: 'viewer' })).body;
      await expire(expired.id as string);
      const ada = await person(email);
      const others = [await person(address()), await person(email, { emailVerified: false }), await api.person(), owner, await person(`x${email}`)];
      const seen = await Promise.all(others.map(async (other) => [await by.received(other), await by.accept(other, id)]));
      const unknown = [await by.accept(ada, randomUUID()), await by.accept(ada, 'x'), await by.accept(await person(expired.email as string), expired.id as string)];
      const words = ({ code, body }: Outcome): unknown => [code, body.status, body.detail];
      expect(new Set([...seen.map(([, outcome]) => outcome as Outcome), ...unknown].map((outcome) => JSON.stringify(words(outcome)))).size).toBe(1);
      expect(unknown[0]!.code).toBe('INVITATION_NOT_FOUND');
      expect(seen.map(([list]) => list)).toEqual(others.map(() => []));
      expect(await by.received(await person(expired.email as string))).toEqual([]);
      expect((await by.accept(ada, id)).code).toBeUndefined();
    });

    it('are made once for an address, in whatever case, until they are over', async () => {
      const { name, owner } = await team();
      const email = address();
      const first = await by.invite(owner, name, { email, role: 'viewer' });
      expect((await by.invite(owner, name, { email: email.toUpperCase(), role: 'admin' })).code).toBe('INVITATION_EXISTS');
      await expire(first.body.id as string);
      expect(await by.list(owner, name)).toEqual([]);
      const second = await by.invite(owner, name, { email, role: 'viewer' });
      expect(second.code).toBeUndefined();
      expect((await by.withdraw(owner, name, second.body.id as string)).code).toBeUndefined();
      expect((await by.withdraw(owner, name, second.body.id as string)).code).toBe('INVITATION_NOT_FOUND');
      expect((await by.accept(await person(email), second.body.id as string)).code).toBe('INVITATION_NOT_FOUND');
      expect((await by.invite(owner, name, { email, role: 'viewer' })).code).toBeUndefined();
    });

    it('give nothing that whoever makes them does not have', async () => {
      const { name, owner } = await team();
      const [admin, developer] = [await api.person('admin-of-all'), await api.person('developer-of-all')];
      await owner.post(`/v1/tenants/${name}/members`, { issuer, subject: 'admin-of-all', role: 'admin' });
      await owner.post(`/v1/tenants/${name}/members`, { issuer, subject: 'developer-of-all', role: 'developer' });
      expect((await by.invite(admin, name, { email: address(), role: 'owner' })).code).toBe('ROLE_NOT_GRANTABLE');
      expect((await by.invite(admin, name, { email: address(), role: 'admin' })).code).toBeUndefined();
      expect((await by.invite(developer, name, { email: address(), role: 'viewer' })).code).toBe('PERMISSION_DENIED');
      expect((await by.invite(await api.person(), name, { email: address(), role: 'viewer' })).code).toBe('TENANT_NOT_FOUND');
    });

    it('have an end within thirty days and a real address', async () => {
      const { name, owner } = await team();
      const at = (ms: number): string => new Date(Date.now() + ms).toISOString();
      for (const ms of [-1_000, 31 * DAY_MS]) expect((await by.invite(owner, name, { email: address(), role: 'viewer', expiresAt: at(ms) })).code).toBe('INVITATION_EXPIRY_INVALID');
      expect((await by.invite(owner, name, { email: address(), role: 'viewer', expiresAt: at(29 * DAY_MS) })).code).toBeUndefined();
      for (const email of ['ada', 'ada@localhost', 'ad\u0131n@example.com', ' ada@example.com']) expect((await by.invite(owner, name, { email, role: 'viewer' })).code).toMatch(/VALIDATION_FAILED|EMAIL_INVALID/);
      expect((await by.invite(owner, name, { email: `${'a'.repeat(65)}@example.com`, role: 'viewer' })).code).toBe('EMAIL_INVALID');
    });

    it('are accepted once, however often at the same moment', async () => {
      const { name, id: tenantId, owner } = await team();
      const email = address();
      const id = (await by.invite(owner, name, { email, role: 'viewer' })).body.id as string;
      const people = await Promise.all(Array.from({ length: 8 }, () => person(email)));
      const outcomes = await Promise.all(people.map((client) => by.accept(client, id)));
      expect(outcomes.filter(({ code }) => code === undefined)).toHaveLength(1);
      expect(outcomes.filter(({ code }) => code === 'INVITATION_NOT_FOUND')).toHaveLength(7);
      expect((await owner.get(`/v1/tenants/${name}/members`)).body.items).toHaveLength(2);
      expect((await audited(tenantId)).filter((line) => line.startsWith('invitation.accept'))).toHaveLength(1);
    });

    it('are not used up by who is a member already or comes while the tenant is closed', async () => {
      const { name, owner } = await team();
      const email = address();
      const subject = randomName('ada');
      const ada = await person(email, { subject });
      const added = await owner.post(`/v1/tenants/${name}/members`, { issuer, subject, role: 'viewer' });
      const id = (await by.invite(owner, name, { email, role: 'developer' })).body.id as string;
      expect((await by.accept(ada, id)).code).toBe('MEMBER_EXISTS');
      await owner.delete(`/v1/tenants/${name}/members/${added.body.id}`);
      await api.operator.put(`/v1/tenants/${name}/suspension`, { level: 'writes' });
      expect((await by.accept(ada, id)).code).toBe('TENANT_SUSPENDED');
      expect((await by.invite(owner, name, { email: address(), role: 'viewer' })).code).toBe('TENANT_SUSPENDED');
      await api.operator.put(`/v1/tenants/${name}/suspension`, { level: 'none' });
      expect((await by.accept(ada, id)).body).toMatchObject({ role: 'developer' });
    });
  });

  it('of another tenant are invisible, to the API and to the database\'s own wall', async () => {
    const [one, two] = [await team(), await team()];
    const { id } = (await one.owner.post(`/v1/tenants/${one.name}/invitations`, { email: address(), role: 'viewer' })).body;
    expect((await two.owner.get(`/v1/tenants/${two.name}/invitations/${id}`)).body.code).toBe('INVITATION_NOT_FOUND');
    expect((await two.owner.delete(`/v1/tenants/${two.name}/invitations/${id}`)).body.code).toBe('INVITATION_NOT_FOUND');
    expect((await two.owner.get(`/v1/tenants/${one.name}/invitations`)).body.code).toBe('TENANT_NOT_FOUND');
    const rows = await api.plane.app.get(Database).transaction(tenantJobContext('test', two), (manager) => manager.query('SELECT 1 FROM invitation'));
    expect(rows).toEqual([]);
  });

  it('are paged and found by address, on either side', async () => {
    const { name, owner } = await team();
    const email = address();
    for (let index = 0; index < 3; index += 1) {
      await owner.post(`/v1/tenants/${name}/invitations`, { email: address(), role: 'viewer' });
      const other = await team();
      await other.owner.post(`/v1/tenants/${other.name}/invitations`, { email, role: 'viewer' });
    }
    const ada = await person(email);
    for (const [client, path] of [[owner, `/v1/tenants/${name}/invitations`], [ada, '/v1/me/invitations']] as const) {
      const first = await client.get(`${path}?limit=2`);
      const second = await client.get(`${path}?limit=2&cursor=${first.body.nextCursor}`);
      expect([first.body.items.length, second.body.items.length, second.body.nextCursor]).toEqual([2, 1, null]);
      expect(new Set([...first.body.items, ...second.body.items].map((item: { id: string }) => item.id)).size).toBe(3);
      expect((await client.get(`${path}?limit=501`)).status).toBe(422);
    }
    const [{ email: one }] = (await owner.get(`/v1/tenants/${name}/invitations?limit=1`)).body.items;
    expect((await owner.get(`/v1/tenants/${name}/invitations?email=${one.toUpperCase()}`)).body.items).toMatchObject([{ email: one }]);
    const connection = await ada.graphql('{ viewer { email invitations(first: 2) { nodes { id uuid tenantName } pageInfo { hasNextPage } } } }');
    expect(connection.body.data.viewer).toMatchObject({ email, invitations: { pageInfo: { hasNextPage: true } } });
    const top = await owner.graphql('query($t: String!, $e: String!) { invitations(tenant: $t, email: $e) { nodes { id uuid email } } }', { t: name, e: one });
    expect(top.body.data.invitations.nodes).toMatchObject([{ email: one }]);
    const single = await owner.graphql('query($t: String!, $i: String!) { invitation(tenant: $t, invitation: $i) { email } }', { t: name, i: top.body.data.invitations.nodes[0].uuid });
    expect(single.body.data.invitation.email).toBe(one);
  });

  it('are bounded in number', async () => {
    const { name, id, owner } = await team();
    await pool.query(`INSERT INTO invitation (tenant_id, id, tenant_name, email, role, invited_by, expires_at)
      SELECT $1, gen_random_uuid(), $2, 'p' || n || '@example.com', 'viewer', 'test', now() + interval '1 day' FROM generate_series(1, 199) AS n`, [id, name]);
    const path = `/v1/tenants/${name}/invitations`;
    expect((await owner.post(path, { email: address(), role: 'viewer' })).status).toBe(201);
    expect((await owner.post(path, { email: address(), role: 'viewer' })).body).toMatchObject({ status: 409, code: 'INVITATION_LIMIT_REACHED', details: { allowed: 200 } });
  });

  it('can be tried out, and asked for twice under one idempotency key', async () => {
    const { name, owner } = await team();
    const email = address();
    const path = `/v1/tenants/${name}/invitations`;
    expect((await owner.post(`${path}?validateOnly=true`, { email, role: 'viewer' })).status).toBe(200);
    const headers = { 'idempotency-key': randomUUID() };
    const first = await owner.post(path, { email, role: 'viewer' }, { headers });
    const again = await owner.post(path, { email, role: 'viewer' }, { headers });
    expect([first.status, again.status, again.body.id]).toEqual([201, 201, first.body.id]);
    const ada = await person(email, { subject: randomName('ada') });
    const accept = `/v1/me/invitations/${first.body.id}/acceptance`;
    expect((await ada.post(`${accept}?validateOnly=true`)).body).toMatchObject({ role: 'viewer' });
    expect((await ada.get(`/v1/tenants/${name}`)).status).toBe(404);
    const twice = { headers: { 'idempotency-key': randomUUID() } };
    const accepted = await ada.post(accept, undefined, twice);
    expect([accepted.status, (await ada.post(accept, undefined, twice)).body]).toEqual([201, accepted.body]);
    expect(accepted.headers.get('location')).toBe(`/v1/tenants/${accepted.body.tenantId}/members/${accepted.body.id}`);
  });

  it('go with their tenant, addresses and all', async () => {
    const { name, id, owner } = await team();
    const email = address();
    await owner.post(`/v1/tenants/${name}/invitations`, { email, role: 'viewer' });
    const ada = await person(email);
    expect((await ada.get('/v1/me/invitations')).body.items).toHaveLength(1);
    expect((await owner.delete(`/v1/tenants/${name}`)).status).toBe(202);
    expect((await ada.get('/v1/me/invitations')).body.items).toEqual([]);
    expect(await api.plane.app.get(FounderParticipant).teardown(tenantJobContext('test', { id, name }))).toEqual({ done: true });
    expect((await pool.query('SELECT 1 FROM invitation WHERE tenant_id = $1', [id])).rows).toEqual([]);
  });
});
