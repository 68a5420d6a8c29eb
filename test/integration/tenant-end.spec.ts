import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpClient } from '../../deploy/local/http-client.ts';
import { ReconcileFunctionJob } from '../../src/domains/functions/jobs/reconcile-function.job.js';
import { LedgerService } from '../../src/domains/metering/ledger.service.js';
import { TenantJob } from '../../src/domains/tenants/jobs/tenant.job.js';
import { systemContext } from '../../src/platform/context/context.js';
import { randomName, startApi, type TestApi } from '../support/api.js';
import { PYTHON } from '../support/contract/examples.js';
import { mintToken, testIssuer } from '../support/tokens.js';

const never = new AbortController().signal;

let api: TestApi;
let finance: HttpClient;
let auditor: HttpClient;
beforeAll(async () => {
  api = await startApi();
  [finance, auditor] = [api.client(await mintToken({ roles: ['finance'] })), api.client(await mintToken({ roles: ['auditor'] }))];
});
afterAll(() => api?.stop());

interface Team {
  id: string;
  name: string;
  functionId: string;
  owner: HttpClient;
}

async function newTeam(): Promise<Team> {
  const [name, subject] = [randomName('team'), randomName('owner')];
  const { body } = await api.operator.post('/v1/tenants', { name });
  await api.operator.post(`/v1/tenants/${name}/members`, { issuer: testIssuer().issuer, subject, role: 'owner' });
  const fn = await api.operator.put(`/v1/tenants/${name}/functions/f`, PYTHON);
  await api.operator.put(`/v1/tenants/${name}/secrets/s`, { data: { A: '1' } });
  await api.operator.put(`/v1/tenants/${name}/configs/c`, { data: { A: '1' } });
  await api.operator.post(`/v1/tenants/${name}/api-keys`, { name: 'ci', role: 'developer' });
  await api.plane.app.get(LedgerService, { strict: false }).book([{
    instance: randomUUID(), tenantId: body.id as string, functionId: fn.body.id as string, functionName: 'f', revision: 1, cluster: 'test', memoryMb: 128, cpuMillis: 1_000, at: new Date(),
    totals: { invocations: 42, billedMs: 10_000_000, requestBytes: 1, responseBytes: 2 },
  }]);
  return { id: body.id as string, name, functionId: fn.body.id as string, owner: await api.person(subject) };
}

function tenantJob(team: Team): Promise<unknown> {
  return api.plane.app.get(TenantJob, { strict: false }).handle(team.id);
}

function functionJob(team: Team): Promise<unknown> {
  return api.plane.app.get(ReconcileFunctionJob, { strict: false }).handle(`${team.id}/${team.functionId}`, never);
}

async function end(team: Team): Promise<void> {
  expect((await api.operator.delete(`/v1/tenants/${team.name}`)).status).toBe(202);
  await tenantJob(team);
  await functionJob(team);
  expect(await tenantJob(team)).toEqual({ again: 'never' });
}

describe('a tenant that is deleted', () => {
  it('is seen over both APIs until its last part is gone, and takes no change', async () => {
    const team = await newTeam();
    const path = `/v1/tenants/${team.name}`;
    const { body } = await team.owner.graphql('mutation($input: DeleteTenantInput!) { deleteTenant(input: $input) { tenant { state } operation { kind state } userErrors { code } } }', { input: { tenant: team.name } });
    expect(body.data.deleteTenant).toEqual({ tenant: { state: 'DELETING' }, operation: { kind: 'tenant.delete', state: 'RUNNING' }, userErrors: [] });
    // A worker marks the functions and dies; another one finds them and goes on. Each step can be repeated.
    for (let run = 0; run < 2; run += 1) {
      await tenantJob(team);
      const seen = await team.owner.get(path);
      expect([seen.status, seen.body.state]).toEqual([200, 'deleting']);
      expect(seen.body.conditions.find(({ type }: { type: string }) => type === 'Ready')).toMatchObject({ status: 'False', reason: 'Deleting', message: '1 function is being removed from the clusters.' });
      expect((await team.owner.graphql('query($t: String!) { tenant(tenant: $t) { state functions(first: 1) { nodes { name } } } }', { t: team.name })).body.data.tenant).toEqual({ state: 'DELETING', functions: { nodes: [{ name: 'f' }] } });
    }
    for (const refused of [await team.owner.put(`${path}/functions/g`, PYTHON), await team.owner.put(`${path}/secrets/t`, { data: { A: '1' } }), await api.operator.put(`${path}/suspension`, { level: 'compute' }), await api.operator.patch(`${path}/quota`, { overrides: { pods: 1 } })]) {
      expect([refused.status, refused.body.code]).toEqual([409, 'TENANT_DELETING']);
    }
    expect((await team.owner.delete(path)).status).toBe(202);
    await functionJob(team);
    await functionJob(team);
    expect(await tenantJob(team)).toEqual({ again: 'never' });
    expect(await tenantJob(team)).toEqual({ again: 'never' });
    expect((await api.operator.get(path)).status).toBe(404);
  });

  it('leaves nothing but its ledger, its audit log and its own row', async () => {
    const team = await newTeam();
    await end(team);
    const tables = await api.plane.database.transaction(systemContext('test'), (manager) => manager.query<{ name: string }[]>(
      `SELECT DISTINCT table_name AS name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'tenant_id' ORDER BY 1`));
    const left: string[] = [];
    for (const { name } of tables) {
      const [row] = await api.plane.database.transaction(systemContext('test'), (manager) => manager.query<{ count: number }[]>(`SELECT count(*)::integer AS count FROM "${name}" WHERE tenant_id = $1`, [team.id]));
      if (row!.count > 0) left.push(name);
    }
    // The quota's row stays with nothing reserved: the tenant's own row, which invoices refer to, has one.
    expect(left.filter((name) => !['audit_entry', 'meter_cursor', 'operation', 'tenant_quota', 'usage_record'].includes(name))).toEqual([]);
    expect((await api.operator.post('/v1/tenants', { name: team.name })).status).toBe(202);
  });

  it('stays billable: those who bill read its usage by id, everybody else is told that there is none', async () => {
    const team = await newTeam();
    const before = (await api.operator.get(`/v1/tenants/${team.name}/invoice-preview`)).body as { total: string };
    expect(Number(before.total)).toBeGreaterThan(0);
    await end(team);
    expect((await auditor.get(`/v1/tenants/${team.id}/usage`)).body.total.invocations).toBe(42);
    for (const client of [api.operator, finance]) {
      const usage = await client.get(`/v1/tenants/${team.id}/usage`);
      expect([usage.status, usage.body.total.invocations, usage.body.functions[0].functionName]).toEqual([200, 42, 'f']);
      expect((await client.get(`/v1/tenants/${team.id}/usage/records`)).body.items).toHaveLength(1);
      expect((await client.get(`/v1/tenants/${team.id}/invoice-preview`)).body.total).toBe(before.total);
      const { body } = await client.graphql('query($t: String!) { usage(tenant: $t) { total { invocations } } invoicePreview(tenant: $t) { total currency } }', { t: team.id });
      expect(body.data).toEqual({ usage: { total: { invocations: 42 } }, invoicePreview: { total: before.total, currency: 'EUR' } });
    }
    const missing = await api.operator.get(`/v1/tenants/${randomUUID()}/usage`);
    for (const [client, path] of [
      [finance, `/v1/tenants/${team.name}/usage`], [auditor, `/v1/tenants/${team.id}/invoice-preview`], [team.owner, `/v1/tenants/${team.id}/usage`], [team.owner, `/v1/tenants/${team.id}/invoice-preview`],
      [api.operator, `/v1/tenants/${team.id}`], [api.operator, `/v1/tenants/${team.id}/functions`], [finance, `/v1/tenants/${team.id}/quota`], [api.operator, `/v1/tenants/${team.id}/members`],
    ] as const) {
      const answer = await client.get(path);
      expect([path, answer.status, answer.body.code, answer.body.detail]).toEqual([path, 404, missing.body.code, missing.body.detail]);
    }
    expect((await api.operator.put(`/v1/tenants/${team.id}/functions/f`, PYTHON)).status).toBe(404);
    expect((await api.operator.delete(`/v1/tenants/${team.id}`)).status).toBe(404);
  });
});
