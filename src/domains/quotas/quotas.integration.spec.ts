import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { systemContext, tenantJobContext, type TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { QuotaAdmission, type ReservedLimit } from '../tenants/quota-admission.js';
import { QuotaParticipant } from './quota-participant.js';
import { QuotasService } from './quotas.service.js';

let api: TestApi;
let admission: QuotaAdmission;
let quotas: QuotasService;
let database: Database;

beforeAll(async () => {
  api = await startApi();
  admission = api.plane.app.get(QuotaAdmission);
  quotas = api.plane.app.get(QuotasService);
  database = api.plane.database;
});
afterAll(() => api.stop());

async function newTenant(plan = 'small'): Promise<{ name: string; context: TenantContext }> {
  const name = randomName('team');
  const made = await api.operator.post('/v1/tenants', { name, plan });
  expect(made.status).toBe(202);
  return { name, context: tenantJobContext('quota-test', { id: made.body.id as string, name }) };
}

/** The sums kept in the row must be those of the reservations. */
async function expectSumsToMatch(context: TenantContext): Promise<void> {
  const rows = await database.transaction(systemContext('test'), (manager) => manager.query<{ amounts: Partial<Record<ReservedLimit, number>> }[]>('SELECT amounts FROM quota_reservation WHERE tenant_id = $1', [context.tenantId]));
  const sums: Record<string, number> = {};
  for (const { amounts } of rows) for (const [limit, amount] of Object.entries(amounts)) sums[limit] = (sums[limit] ?? 0) + amount;
  const { used } = await quotas.get(context);
  for (const [limit, amount] of Object.entries(used)) expect([limit, amount]).toEqual([limit, sums[limit] ?? 0]);
}

describe('admission', () => {
  it('lets exactly one of 50 concurrent transactions have the last slot', async () => {
    const { context } = await newTenant();
    for (let index = 0; index < 4; index++) await admission.reserve(context, `function:${randomUUID()}`, { functions: 1, pods: 1 });
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => database.transaction(context, () => admission.reserve(context, `function:${randomUUID()}`, { functions: 1, pods: 1 }))));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'QUOTA_EXCEEDED', kind: 'quota-exceeded', details: { limit: 'functions', allowed: 5, used: 5, requested: 1 } });
    }
    expect((await quotas.get(context)).used).toMatchObject({ functions: 5, pods: 5 });
    await expectSumsToMatch(context);
  });

  it('stays exact while holders grow, shrink and go at once', async () => {
    const { context } = await newTenant();
    const holders = Array.from({ length: 8 }, () => `function:${randomUUID()}`);
    const turns = holders.flatMap((holder, index) => [100, 700, 300, 500].map((millis) => () => admission.reserve(context, holder, { cpuMillis: millis + index })).concat(index % 2 ? [() => admission.release(context, holder)] : []));
    const results = await Promise.allSettled(turns.map((turn) => turn()));
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'QUOTA_EXCEEDED' });
    await expectSumsToMatch(context);
    expect((await quotas.get(context)).used.cpuMillis).toBeLessThanOrEqual(2000);
  });

  it('gives everything back with a transaction that fails', async () => {
    const { context } = await newTenant();
    await expect(database.transaction(context, async () => {
      await admission.reserve(context, 'function:x', { functions: 1, memoryMb: 512 });
      throw new DomainError('invalid', 'LATER', 'something after it failed');
    })).rejects.toMatchObject({ code: 'LATER' });
    expect((await quotas.get(context)).used).toMatchObject({ functions: 0, memoryMb: 0 });
    await expectSumsToMatch(context);
  });

  it('replaces what a holder holds, and releases it once', async () => {
    const { context } = await newTenant();
    await admission.reserve(context, 'function:a', { functions: 1, cpuMillis: 500, pods: 2 });
    await admission.reserve(context, 'function:a', { functions: 1, cpuMillis: 200 });
    expect((await quotas.get(context)).used).toMatchObject({ functions: 1, cpuMillis: 200, pods: 0 });
    await admission.release(context, 'function:a');
    await admission.release(context, 'function:a');
    await admission.release(context, 'function:never');
    expect((await quotas.get(context)).used).toMatchObject({ functions: 0, cpuMillis: 0 });
    await expectSumsToMatch(context);
  });

  it('does not let one tenant wait for another', async () => {
    const [one, other] = [await newTenant(), await newTenant()];
    await database.transaction(one.context, async () => {
      await admission.reserve(one.context, 'function:a', { functions: 1 });
      await database.outside(() => admission.reserve(other.context, 'function:a', { functions: 1 }));
    });
    expect((await quotas.get(other.context)).used.functions).toBe(1);
  });
});

describe('quota over REST and GraphQL', () => {
  it('shows plan, overrides, effective and used limits', async () => {
    const { name, context } = await newTenant();
    await admission.reserve(context, 'function:a', { functions: 1, memoryMb: 128 });
    const rest = await api.operator.get(`/v1/tenants/${name}/quota`);
    expect(rest.status).toBe(200);
    expect(rest.body).toMatchObject({ plan: 'small', overrides: {}, effective: { functions: 5, timeoutSeconds: 60 }, used: { functions: 1, memoryMb: 128, pods: 0 }, overQuota: [] });
    const graphql = await api.operator.graphql(`query($t: String!) { tenant(tenant: $t) { quota { plan etag overrides { functions } effective { functions timeoutSeconds } used { functions memoryMb pods } overQuota { limit } } } quota(tenant: $t) { plan } }`, { t: name });
    expect(graphql.body.errors).toBeUndefined();
    expect(graphql.body.data.tenant.quota).toEqual({ plan: 'small', etag: rest.body.etag, overrides: { functions: null }, effective: { functions: 5, timeoutSeconds: 60 }, used: { functions: 1, memoryMb: 128, pods: 0 }, overQuota: [] });
  });

  it('takes overrides as a merge patch, also below what is in use, and then refuses growth only', async () => {
    const { name, context } = await newTenant();
    for (const holder of ['a', 'b', 'c']) await admission.reserve(context, `function:${holder}`, { functions: 1, pods: 2, cpuMillis: 100 });
    const lowered = await api.operator.patch(`/v1/tenants/${name}/quota`, { overrides: { functions: 2, pods: 20 } });
    expect(lowered.status).toBe(200);
    expect(lowered.body).toMatchObject({ overrides: { functions: 2, pods: 20 }, effective: { functions: 2, pods: 20, secrets: 10 }, overQuota: [{ limit: 'functions', allowed: 2, used: 3 }] });
    // Another limit of a holder that is over may grow; the limit itself may not, and may shrink.
    await admission.reserve(context, 'function:a', { functions: 1, pods: 8, cpuMillis: 100 });
    await expect(admission.reserve(context, 'function:d', { functions: 1 })).rejects.toMatchObject({ message: 'The tenant\'s quota allows 2 functions and 3 are in use; delete one or ask for a higher quota.' });
    await admission.release(context, 'function:b');
    const raised = await api.operator.patch(`/v1/tenants/${name}/quota`, { overrides: { functions: null } });
    expect(raised.body).toMatchObject({ overrides: { pods: 20 }, effective: { functions: 5 }, overQuota: [] });
    expect((await api.operator.patch(`/v1/tenants/${name}/quota`, { overrides: null })).body.overrides).toEqual({});
  });

  it('is set over GraphQL too, and asks for the tenant to be looked at again', async () => {
    const { name, context } = await newTenant();
    await database.transaction(systemContext('test'), (manager) => manager.query(`DELETE FROM work_item WHERE key = $1`, [context.tenantId]));
    const set = await api.operator.graphql('mutation($input: SetQuotaInput!) { setQuota(input: $input) { quota { overrides { functions pods } effective { functions } } userErrors { code } } }', { input: { tenant: name, overrides: { functions: 7 } } });
    expect(set.body.data.setQuota).toEqual({ quota: { overrides: { functions: 7, pods: null }, effective: { functions: 7 } }, userErrors: [] });
    const work = await database.transaction(systemContext('test'), (manager) => manager.query<{ kind: string }[]>(`SELECT kind FROM work_item WHERE key = $1`, [context.tenantId]));
    expect(work).toEqual([{ kind: 'tenant' }]);
  });

  it('honours If-Match, and a new plan changes the tag', async () => {
    const { name } = await newTenant();
    const { etag } = (await api.operator.get(`/v1/tenants/${name}/quota`)).body as { etag: string };
    expect((await api.operator.patch(`/v1/tenants/${name}`, { plan: 'standard' })).status).toBe(202);
    const stale = await api.operator.patch(`/v1/tenants/${name}/quota`, { overrides: { pods: 1 } }, { headers: { 'if-match': `"${etag}"` } });
    expect([stale.status, stale.body.code]).toEqual([412, 'ETAG_MISMATCH']);
    const now = (await api.operator.get(`/v1/tenants/${name}/quota`)).body as { etag: string; effective: { functions: number } };
    expect(now.effective.functions).toBe(50);
    expect((await api.operator.patch(`/v1/tenants/${name}/quota`, { overrides: { pods: 1 } }, { headers: { 'if-match': `"${now.etag}"` } })).status).toBe(200);
  });

  it('is changed while its tenant is: neither waits for the other for ever', async () => {
    const { name } = await newTenant();
    const changes = Array.from({ length: 60 }, (_, index) => (index % 2 === 0
      ? api.operator.patch(`/v1/tenants/${name}/quota`, { overrides: { monthlySpend: String(index + 1) } })
      : api.operator.patch(`/v1/tenants/${name}`, { displayName: `change ${index}` })));
    expect(new Set((await Promise.all(changes)).map(({ status, body }) => `${status} ${body.code ?? ''}`))).toEqual(new Set(['200 ', '202 ']));
  });

  it('accepts a plan smaller than what is in use and shows it', async () => {
    const { name, context } = await newTenant('standard');
    await admission.reserve(context, 'function:a', { cpuMillis: 4000 });
    expect((await api.operator.patch(`/v1/tenants/${name}`, { plan: 'small' })).status).toBe(202);
    expect((await api.operator.get(`/v1/tenants/${name}/quota`)).body.overQuota).toEqual([{ limit: 'cpuMillis', allowed: 2000, used: 4000 }]);
    await expect(admission.reserve(context, 'function:b', { cpuMillis: 1 })).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  });

  it.each([
    [{ overrides: { functions: -1 } }, '/overrides/functions'],
    [{ overrides: { functions: 1.5 } }, '/overrides/functions'],
    [{ overrides: { functions: '7' } }, '/overrides/functions'],
    [{ overrides: { timeoutSeconds: 0 } }, '/overrides/timeoutSeconds'],
    [{ overrides: { colour: 1 } }, '/overrides/colour'],
    [{ overrides: [] }, '/overrides'],
    [{ plan: 'standard' }, '/plan'],
  ])('refuses %j', async (body, pointer) => {
    const { name } = await newTenant();
    const refused = await api.operator.patch(`/v1/tenants/${name}/quota`, body);
    expect(refused.status).toBe(422);
    expect(refused.body.errors[0].pointer).toBe(pointer);
    expect((await api.operator.get(`/v1/tenants/${name}/quota`)).body.overrides).toEqual({});
  });

  it('is the platform operators\' to set and its members\' to read', async () => {
    const subject = randomName('user');
    const { name } = await newTenant();
    const stranger = await api.person();
    expect((await stranger.get(`/v1/tenants/${name}/quota`)).status).toBe(404);
    expect((await stranger.patch(`/v1/tenants/${name}/quota`, { overrides: { pods: 99 } })).status).toBe(404);
    const added = await api.operator.post(`/v1/tenants/${name}/members`, { issuer: 'https://tests.fnplane.invalid', subject, role: 'owner' });
    expect(added.status).toBe(201);
    const owner = await api.person(subject);
    expect((await owner.get(`/v1/tenants/${name}/quota`)).status).toBe(200);
    expect((await owner.patch(`/v1/tenants/${name}/quota`, { overrides: { pods: 99 } })).status).toBe(403);
  });

  it('checks without changing when asked to validate only', async () => {
    const { name } = await newTenant();
    const checked = await api.operator.patch(`/v1/tenants/${name}/quota?validateOnly=true`, { overrides: { pods: 1 } });
    expect([checked.status, checked.body.effective.pods]).toEqual([200, 1]);
    expect((await api.operator.get(`/v1/tenants/${name}/quota`)).body.overrides).toEqual({});
  });
});

describe('plans', () => {
  it('are listed, paged and read in both APIs', async () => {
    const person = await api.person();
    const first = await person.get('/v1/plans?limit=1');
    expect([first.status, first.body.items.length]).toEqual([200, 1]);
    const second = await person.get(`/v1/plans?limit=1&cursor=${first.body.nextCursor as string}`);
    expect([first.body.items[0].name, second.body.items[0].name].sort()).toEqual(['small', 'standard']);
    expect(second.body.nextCursor).toBeNull();
    expect((await person.get('/v1/plans/small')).body).toMatchObject({ name: 'small', currency: 'EUR', limits: { functions: 5, pods: 10 } });
    expect((await person.get('/v1/plans/none')).body).toMatchObject({ status: 404, code: 'PLAN_NOT_FOUND' });
    const graphql = await person.graphql('{ plans(first: 10) { nodes { id name limits { functions } } pageInfo { hasNextPage } } plan(plan: "small") { name currency } }');
    expect(graphql.body.errors).toBeUndefined();
    expect(graphql.body.data.plans.nodes.map((plan: { name: string }) => plan.name)).toEqual(['small', 'standard']);
    expect(graphql.body.data.plan).toEqual({ name: 'small', currency: 'EUR' });
  });
});

describe('a tenant\'s end', () => {
  it('takes its reservations away', async () => {
    const { context } = await newTenant();
    await admission.reserve(context, 'function:a', { functions: 1 });
    expect(await api.plane.app.get(QuotaParticipant).teardown(context)).toEqual({ done: true });
    expect((await quotas.get(context)).used.functions).toBe(0);
    await expectSumsToMatch(context);
  });
});
