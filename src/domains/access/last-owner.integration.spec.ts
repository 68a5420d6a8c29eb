import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpClient } from '../../../deploy/local/http-client.ts';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { mintToken, testIssuer } from '../../../test/support/tokens.js';

const issuer = testIssuer().issuer;
const ROUNDS = 4;

interface Owner {
  client: HttpClient;
  id: string;
}

/** An act against an owner: `undefined` when it was done, the code of the refusal otherwise. */
type Act = (client: HttpClient, tenant: string, member: string) => Promise<string | undefined>;

const rest = (answer: { status: number; body: { code?: string } }): string | undefined => (answer.status < 300 ? undefined : answer.body.code);

async function graphql(client: HttpClient, name: 'removeMember' | 'changeMember', input: Record<string, unknown>): Promise<string | undefined> {
  const type = name === 'removeMember' ? 'RemoveMemberInput' : 'ChangeMemberInput';
  const { body } = await client.graphql(`mutation($input: ${type}!) { ${name}(input: $input) { userErrors { code } } }`, { input });
  return body.errors?.[0]?.extensions.code ?? body.data[name].userErrors[0]?.code;
}

const ACTS: Record<string, Act> = {
  'removed by REST': async (client, tenant, member) => rest(await client.delete(`/v1/tenants/${tenant}/members/${member}`)),
  'lowered by REST': async (client, tenant, member) => rest(await client.patch(`/v1/tenants/${tenant}/members/${member}`, { role: 'admin' })),
  'removed by GraphQL': (client, tenant, member) => graphql(client, 'removeMember', { tenant, member }),
  'lowered by GraphQL': (client, tenant, member) => graphql(client, 'changeMember', { tenant, member, change: { role: 'VIEWER' } }),
};
const names = Object.keys(ACTS);
const pairs = names.flatMap((first, index) => names.slice(index).map((second) => [first, second] as const));

describe('the last owner of a tenant', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());

  async function team(owners: number): Promise<{ name: string; owners: Owner[] }> {
    const name = randomName('team');
    const founder = randomName('owner');
    const found = api.client(await mintToken({ subject: founder, roles: ['operator'] }));
    expect((await found.post('/v1/tenants', { name })).status).toBe(202);
    const client = await api.person(founder);
    const list: Owner[] = [{ client, id: (await client.get(`/v1/tenants/${name}/members`)).body.items[0].id }];
    while (list.length < owners) {
      const subject = randomName('owner');
      list.push({ id: (await client.post(`/v1/tenants/${name}/members`, { issuer, subject, role: 'owner' })).body.id, client: await api.person(subject) });
    }
    return { name, owners: list };
  }

  const ownersLeft = async (tenant: string): Promise<number> => (await api.operator.get(`/v1/tenants/${tenant}/members`)).body.items.filter((item: { role: string }) => item.role === 'owner').length;

  it.each(names)('cannot be %s, by himself or by an operator', async (name) => {
    const { name: tenant, owners: [owner] } = await team(1);
    expect(await ACTS[name]!(owner!.client, tenant, owner!.id)).toBe('LAST_OWNER');
    expect(await ACTS[name]!(api.operator, tenant, owner!.id)).toBe('LAST_OWNER');
    expect(await ownersLeft(tenant)).toBe(1);
  });

  it.each(pairs)('stays when one of two is %s while the other is %s', async (first, second) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { name, owners: [a, b] } = await team(2);
      const outcomes = await Promise.all([ACTS[first]!(a!.client, name, b!.id), ACTS[second]!(b!.client, name, a!.id)]);
      expect(outcomes.filter((code) => code === undefined)).toHaveLength(1);
      // The one that came second was an owner no longer, or would have taken the last one.
      expect(['LAST_OWNER', 'PERMISSION_DENIED', 'TENANT_NOT_FOUND', 'OWNER_PROTECTED', 'MEMBER_NOT_FOUND']).toContain(outcomes.find((code) => code !== undefined));
      expect(await ownersLeft(name)).toBe(1);
    }
  });

  it('stays when six leave at the same moment', async () => {
    const { name, owners } = await team(6);
    const outcomes = await Promise.all(owners.map(({ client, id }, index) => ACTS[names[index % names.length]!]!(client, name, id)));
    expect(outcomes.filter((code) => code === undefined)).toHaveLength(5);
    expect(outcomes.filter((code) => code === 'LAST_OWNER')).toHaveLength(1);
    expect(await ownersLeft(name)).toBe(1);
  });
});
