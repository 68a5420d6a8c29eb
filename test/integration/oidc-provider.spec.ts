import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { randomName, startApi, type TestApi } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { TestProvider } from '../support/oidc-provider.js';
import { testIssuer } from '../support/tokens.js';

/** Longest until a new key is known, also after the issuer was away. */
const KEYS_WITHIN_MS = 30_000;

describe('a real OpenID provider', () => {
  const provider = new TestProvider();
  const ada = randomName('ada');
  const email = `${ada}@example.com`;
  let api: TestApi;
  beforeAll(async () => {
    provider.people.set(ada, { email: email.toUpperCase(), emailVerified: true });
    await provider.start('PS256');
    api = await startApi({ FNPLANE_ISSUERS: JSON.stringify([{ issuer: provider.issuer, audience: provider.audience, discovery: true, platformRolesClaim: 'roles', emailClaim: 'email' }, testIssuer()]) });
  });
  afterAll(async () => {
    await api.stop();
    await provider.stop();
  });

  async function whoIs(token: string): Promise<{ rest: Record<string, unknown>; graphql: Record<string, unknown> }> {
    const [rest, graphql] = await Promise.all([api.client(token).get('/v1/me'), api.client(token).graphql('{ viewer { kind issuer subject email platformRoles } }')]);
    expect([rest.status, graphql.status]).toEqual([200, 200]);
    return { rest: rest.body, graphql: graphql.body.data.viewer };
  }

  it('signs people in by authorization code with PKCE', async () => {
    const token = await provider.personToken(ada);
    expect([decodeProtectedHeader(token).alg, decodeJwt(token).aud]).toEqual(['PS256', provider.audience]);
    const { rest, graphql } = await whoIs(token);
    expect(rest).toMatchObject({ kind: 'user', issuer: provider.issuer, subject: ada, email, platformRoles: [] });
    expect(graphql).toMatchObject({ kind: 'USER', issuer: provider.issuer, subject: ada, email, platformRoles: [] });
  });

  it('signs machines in by client credentials', async () => {
    const { rest, graphql } = await whoIs(await provider.machineToken());
    expect(rest).toMatchObject({ kind: 'user', issuer: provider.issuer, subject: provider.machine.id, platformRoles: ['auditor'] });
    expect(rest).not.toHaveProperty('email');
    expect(graphql).toMatchObject({ subject: provider.machine.id, email: null, platformRoles: ['AUDITOR'] });
  });

  it.each(['REST', 'GraphQL'])('lets people in who were invited before anybody knew their subject, by %s', async (transport) => {
    const name = randomName('team');
    expect((await api.operator.post('/v1/tenants', { name })).status).toBe(202);
    expect((await api.operator.post(`/v1/tenants/${name}/invitations`, { email, role: 'viewer' })).status).toBe(201);
    const person = api.client(await provider.personToken(ada));
    expect((await person.get(`/v1/tenants/${name}`)).status).toBe(404);
    if (transport === 'REST') {
      const { items } = (await person.get('/v1/me/invitations')).body;
      expect((await person.post(`/v1/me/invitations/${items[0].id}/acceptance`)).status).toBe(201);
    } else {
      const { nodes } = (await person.graphql('{ viewer { invitations { nodes { uuid } } } }')).body.data.viewer.invitations;
      const { body } = await person.graphql('mutation($i: AcceptInvitationInput!) { acceptInvitation(input: $i) { member { role } userErrors { code } } }', { i: { invitation: nodes[0].uuid } });
      expect(body.data.acceptInvitation).toEqual({ member: { role: 'VIEWER' }, userErrors: [] });
    }
    expect((await person.get(`/v1/tenants/${name}`)).status).toBe(200);
    expect((await api.operator.get(`/v1/tenants/${name}/members?subject=${ada}`)).body.items).toMatchObject([{ issuer: provider.issuer, role: 'viewer' }]);
  });

  it('invites nobody by an address it has not verified', async () => {
    const eve = randomName('eve');
    const name = randomName('team');
    provider.people.set(eve, { email, emailVerified: false });
    await api.operator.post('/v1/tenants', { name });
    await api.operator.post(`/v1/tenants/${name}/invitations`, { email, role: 'viewer' });
    const token = await provider.personToken(eve);
    expect(decodeJwt(token)).toMatchObject({ email, email_verified: false });
    expect((await api.client(token).get('/v1/me/invitations')).body.items).toEqual([]);
  });

  it('changes its key, and its algorithm, while the platform runs', async () => {
    const before = await provider.machineToken();
    await whoIs(before);
    for (const alg of ['EdDSA', 'ES256'] as const) {
      provider.rotate(alg);
      const tokens = [await provider.personToken(ada), await provider.machineToken()];
      expect(tokens.map((token) => decodeProtectedHeader(token).alg)).toEqual([alg, alg]);
      for (const token of tokens) await eventually(() => whoIs(token), { withinMs: KEYS_WITHIN_MS, everyMs: 200 });
    }
    expect((await api.client(before).get('/v1/me')).status).toBe(401);
  }, 3 * KEYS_WITHIN_MS);

  it('is away for a while: who is known stays, who is not is asked to come again', async () => {
    const known = await provider.machineToken();
    await eventually(() => whoIs(known), { withinMs: KEYS_WITHIN_MS, everyMs: 200 });
    const fresh = await provider.machineToken();
    provider.rotate('EdDSA');
    const unknown = await provider.machineToken();
    await provider.stop();
    await eventually(async () => {
      const [rest, graphql] = await Promise.all([api.client(unknown).get('/v1/me'), api.client(unknown).graphql('{ viewer { subject } }')]);
      expect([rest.status, rest.body.code, graphql.status, graphql.body.errors[0].extensions.code]).toEqual([503, 'IDENTITY_PROVIDER_UNAVAILABLE', 503, 'IDENTITY_PROVIDER_UNAVAILABLE']);
      for (const answer of [rest, graphql]) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }, { withinMs: KEYS_WITHIN_MS, everyMs: 200 });
    await whoIs(known);
    await whoIs(fresh);
    await provider.listen();
    await eventually(() => whoIs(unknown), { withinMs: KEYS_WITHIN_MS, everyMs: 200 });
  }, 4 * KEYS_WITHIN_MS);
});
