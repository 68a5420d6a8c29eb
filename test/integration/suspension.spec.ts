import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpClient } from '../../deploy/local/http-client.ts';
import { randomName, startApi, type TestApi } from '../support/api.js';
import { PYTHON } from '../support/contract/examples.js';
import { testIssuer } from '../support/tokens.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

interface Team {
  name: string;
  path: string;
  owner: HttpClient;
}

async function newTeam(): Promise<Team> {
  const [name, subject] = [randomName('team'), randomName('owner')];
  const path = `/v1/tenants/${name}`;
  expect((await api.operator.post('/v1/tenants', { name })).status).toBe(202);
  expect((await api.operator.post(`${path}/members`, { issuer: testIssuer().issuer, subject, role: 'owner' })).status).toBe(201);
  const owner = await api.person(subject);
  expect((await owner.put(`${path}/functions/f`, PYTHON)).status).toBe(202);
  expect((await owner.put(`${path}/secrets/s`, { data: { A: '1' } })).status).toBe(201);
  return { name, path, owner };
}

/** Codes of everything a tenant's owner could change, by what was tried. */
async function writes({ name: tenant, path, owner }: Team): Promise<Record<string, string>> {
  const rest: Record<string, () => Promise<{ status: number; body: { code: string } }>> = {
    'deploy': () => owner.put(`${path}/functions/more`, PYTHON),
    'patch': () => owner.patch(`${path}/functions/f`, { scaling: { max: 2 } }),
    'delete a function': () => owner.delete(`${path}/functions/f`),
    'put a secret': () => owner.put(`${path}/secrets/s`, { data: { A: '2' } }),
    'delete a secret': () => owner.delete(`${path}/secrets/s`),
    'put a config set': () => owner.put(`${path}/configs/c`, { data: { A: '2' } }),
    'create a key': () => owner.post(`${path}/api-keys`, { name: 'ci', role: 'developer' }),
    'add a member': () => owner.post(`${path}/members`, { issuer: testIssuer().issuer, subject: 'somebody', role: 'viewer' }),
    'change the tenant': () => owner.patch(path, { displayName: 'x' }),
    'delete the tenant': () => owner.delete(path),
  };
  const graphql: Record<string, [type: string, input: Record<string, unknown>]> = {
    deployFunction: ['DeployFunctionInput', { function: { name: 'more', ...PYTHON, runtime: 'PYTHON' } }],
    deleteFunction: ['DeleteFunctionInput', { function: 'f' }],
    putSecret: ['PutSecretInput', { name: 's', data: { A: '2' } }],
    putConfigSet: ['PutConfigSetInput', { name: 'c', data: { A: '2' } }],
    changeTenant: ['ChangeTenantInput', { change: { displayName: 'x' } }],
    deleteTenant: ['DeleteTenantInput', {}],
  };
  const codes: Record<string, string> = {};
  for (const [what, send] of Object.entries(rest)) {
    const { status, body } = await send();
    codes[what] = `${status} ${body.code}`;
  }
  for (const [mutation, [type, input]] of Object.entries(graphql)) {
    const { body } = await owner.graphql(`mutation($input: ${type}!) { ${mutation}(input: $input) { userErrors { code } } }`, { input: { tenant, ...input } });
    // What is forbidden is an error of the request and not of its input.
    codes[mutation] = (body.errors?.[0].extensions.code ?? body.data[mutation].userErrors[0]?.code) as string;
  }
  return codes;
}

describe('a suspended tenant', () => {
  it.each(['writes', 'ingress', 'compute'] as const)('at level %s takes no change of its own over either API, is read as before, and stays the operators\' to change', async (level) => {
    const team = await newTeam();
    const suspended = level === 'ingress'
      ? (await api.operator.graphql('mutation($input: SuspendTenantInput!) { suspendTenant(input: $input) { tenant { suspension } userErrors { code } } }', { input: { tenant: team.name, level: 'INGRESS' } })).body.data.suspendTenant
      : { tenant: { suspension: (await api.operator.put(`${team.path}/suspension`, { level })).body.suspension.toUpperCase() as string }, userErrors: [] };
    expect(suspended).toEqual({ tenant: { suspension: level.toUpperCase() }, userErrors: [] });
    for (const [what, code] of Object.entries(await writes(team))) expect([what, code.replace(/^\d+ /, '')]).toEqual([what, 'TENANT_SUSPENDED']);
    const refused = await team.owner.put(`${team.path}/functions/more`, PYTHON);
    expect([refused.status, refused.body.detail]).toEqual([403, 'The tenant is suspended: changes are not accepted until an operator of the platform lifts it.']);
    // Lifting is not its own either.
    expect((await team.owner.put(`${team.path}/suspension`, { level: 'none' })).status).toBe(403);

    for (const part of ['', '/functions/f', '/secrets/s', '/quota', '/usage', '/invoice-preview', '/operations']) expect([part, (await team.owner.get(`${team.path}${part}`)).status]).toEqual([part, 200]);
    const read = await team.owner.graphql('query($t: String!) { tenant(tenant: $t) { suspension functions(first: 5) { nodes { name } } } }', { t: team.name });
    expect(read.body.data.tenant).toEqual({ suspension: level.toUpperCase(), functions: { nodes: [{ name: 'f' }] } });
    expect((await api.operator.patch(`${team.path}/quota`, { overrides: { pods: 7 } })).status).toBe(200);
    expect((await api.operator.patch(team.path, { displayName: 'seen to' })).status).toBe(202);
  });

  it('is as it was once that is lifted', async () => {
    const team = await newTeam();
    for (const level of ['writes', 'compute', 'ingress', 'none']) expect((await api.operator.put(`${team.path}/suspension`, { level })).status).toBe(202);
    const codes = await writes(await newTeam());
    expect(Object.values(codes).filter((code) => code?.includes('SUSPENDED'))).toEqual([]);
    expect((await team.owner.put(`${team.path}/functions/more`, PYTHON)).status).toBe(202);
    expect((await team.owner.patch(team.path, { displayName: 'x' })).status).toBe(202);
    expect((await team.owner.delete(team.path)).status).toBe(202);
  });
});
