import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckSpendJob } from '../../src/domains/billing/jobs/check-spend.job.js';
import { SpendGauges } from '../../src/domains/billing/spend-gauges.js';
import { PlacementInputs } from '../../src/domains/clusters/placement-inputs.js';
import { LedgerService } from '../../src/domains/metering/ledger.service.js';
import { TenantDirectory } from '../../src/domains/tenants/tenant-directory.js';
import { systemContext, tenantJobContext } from '../../src/platform/context/context.js';
import { JobRunner } from '../../src/platform/jobs/job-runner.js';
import { registry } from '../../src/platform/observability/metrics.js';
import { randomName, startApi, type TestApi } from '../support/api.js';
import { PYTHON } from '../support/contract/examples.js';
import { eventually } from '../support/eventually.js';

const SYSTEM = systemContext('test');

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

interface Team {
  id: string;
  name: string;
  path: string;
}

async function newTeam(monthlySpend?: string): Promise<Team> {
  const name = randomName('team');
  const { body } = await api.operator.post('/v1/tenants', { name });
  const team = { id: body.id as string, name, path: `/v1/tenants/${name}` };
  if (monthlySpend !== undefined) expect((await api.operator.patch(`${team.path}/quota`, { overrides: { monthlySpend } })).status).toBe(200);
  return team;
}

/** Books what the standard plan prices at about `cents` cents: GB-seconds at 0.0000166667 beyond the free 10,000, and CPU. */
async function book(team: Team, cents: number): Promise<void> {
  const billedMs = Math.ceil(cents * 0.01 / 0.000024 * 1_000);
  await api.plane.app.get(LedgerService, { strict: false }).book([{
    instance: randomUUID(), tenantId: team.id, functionId: randomUUID(), functionName: 'fn', revision: 1, cluster: 'test', memoryMb: 0, cpuMillis: 1_000, at: new Date(),
    totals: { invocations: 1, billedMs, requestBytes: 0, responseBytes: 0 },
  }]);
}

function queued(team: Team): Promise<{ wait: number }[]> {
  return api.plane.database.transaction(SYSTEM, (manager) => manager.query<{ wait: number }[]>(
    `SELECT extract(epoch FROM visible_at - clock_timestamp())::float AS wait FROM work_item WHERE kind = 'spend' AND key = $1`, [team.id]));
}

async function forgetQueued(team: Team): Promise<void> {
  await api.plane.database.transaction(SYSTEM, (manager) => manager.query(`DELETE FROM work_item WHERE key = $1`, [team.id]));
}

function look(team: Team): Promise<unknown> {
  return api.plane.app.get(CheckSpendJob, { strict: false }).handle(team.id);
}

/** What the gateways of the tenant's clusters are told. */
async function gatewaysAreTold(team: Team): Promise<boolean | undefined> {
  const tenant = await api.plane.app.get(TenantDirectory, { strict: false }).findAny(SYSTEM, team.id);
  const { input: { accessList } } = await api.plane.app.get(PlacementInputs, { strict: false }).gather(tenantJobContext('test', team), tenant!);
  return accessList.spendLimitReached;
}

async function spending(team: Team): Promise<{ spending: string; condition: { status: string; reason: string; message: string } | undefined }> {
  const { body } = await api.operator.get(team.path);
  return { spending: body.spending as string, condition: body.conditions.find(({ type }: { type: string }) => type === 'SpendLimitReached') };
}

describe('a month\'s spending', () => {
  it('has its limit in both APIs, as an exact amount', async () => {
    const team = await newTeam();
    expect((await api.operator.get(`${team.path}/quota`)).body.effective.monthlySpend).toBeNull();
    const set = await api.operator.graphql('mutation($input: SetQuotaInput!) { setQuota(input: $input) { quota { overrides { monthlySpend } effective { monthlySpend } } userErrors { code } } }', { input: { tenant: team.name, overrides: { monthlySpend: '99999999.10' } } });
    expect(set.body.data.setQuota).toEqual({ quota: { overrides: { monthlySpend: '99999999.10' }, effective: { monthlySpend: '99999999.10' } }, userErrors: [] });
    expect((await api.operator.get(`${team.path}/quota`)).body).toMatchObject({ overrides: { monthlySpend: '99999999.10' }, effective: { monthlySpend: '99999999.10' } });
    for (const wrong of [5, '-1', '1e3', '1.00001', '', 'much']) {
      const refused = await api.operator.patch(`${team.path}/quota`, { overrides: { monthlySpend: wrong } });
      expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, '/overrides/monthlySpend']);
    }
    expect((await api.operator.patch(`${team.path}/quota`, { overrides: { monthlySpend: null } })).body).toMatchObject({ overrides: {}, effective: { monthlySpend: null } });
  });

  it('is looked at soon after usage was booked, and not where there is no limit or nothing was used', async () => {
    const [limited, free, idle] = [await newTeam('10.00'), await newTeam(), await newTeam('10.00')];
    for (const team of [limited, free, idle]) await forgetQueued(team);
    for (let round = 0; round < 3; round += 1) for (const team of [limited, free]) await book(team, 1);
    const [work, ...more] = await queued(limited);
    expect([work!.wait > 0 && work!.wait <= 10, more.length]).toEqual([true, 0]);
    expect([await queued(free), await queued(idle)]).toEqual([[], []]);
    expect(await look(limited)).toEqual({ again: 'never' });
    expect(await spending(limited)).toEqual({ spending: 'within', condition: undefined });
  });

  it('is shown to operators as a share of the limit, below it and at it, until the limit is raised', async () => {
    const [near, at, free] = [await newTeam('10.00'), await newTeam('0.50'), await newTeam()];
    for (const [team, cents] of [[near, 500], [at, 60], [free, 60]] as const) {
      await book(team, cents);
      await look(team);
    }
    const gauges = api.plane.app.get(SpendGauges, { strict: false });
    const shown = async (team: Team): Promise<number | undefined> => (await registry.getSingleMetric('fnplane_tenant_spend_ratio')!.get()).values.find(({ labels }) => labels.tenant === team.name)?.value;
    gauges.start();
    await eventually(async () => expect(await shown(at)).toBeGreaterThanOrEqual(1), { withinMs: 5_000 });
    expect([await shown(near), await shown(free)]).toEqual([expect.closeTo(0.5, 1), undefined]);
    await gauges.stop();
    expect(await shown(at)).toBeUndefined();
    await api.operator.patch(`${at.path}/quota`, { overrides: { monthlySpend: '6.00' } });
    await look(at);
    gauges.start();
    await eventually(async () => expect(await shown(at)).toBeCloseTo(0.1, 1), { withinMs: 5_000 });
    await gauges.stop();
  });

  it('that reaches the limit stops growth and invocations, says so, and nothing else', async () => {
    const team = await newTeam('0.50');
    expect((await api.operator.put(`${team.path}/functions/f`, { ...PYTHON, scaling: { max: 3 } })).status).toBe(202);
    await book(team, 49);
    await look(team);
    expect((await spending(team)).spending).toBe('within');
    await book(team, 1.5);
    await look(team);
    const month = (await api.operator.get(`${team.path}/invoice-preview`)).body as { period: string; total: string };
    expect(await spending(team)).toMatchObject({
      spending: 'reached', condition: {
        status: 'True', reason: 'MonthlySpendReached',
        message: `${month.total} EUR are spent in ${month.period} and the quota allows 0.50 EUR a month: functions are not invoked and nothing may grow until the limit is raised or the next month begins.`,
      },
    });
    const { body } = await api.operator.graphql('query($t: String!) { tenant(tenant: $t) { spending conditions { type status } } }', { t: team.name });
    expect(body.data.tenant).toMatchObject({ spending: 'REACHED', conditions: expect.arrayContaining([{ type: 'SpendLimitReached', status: 'TRUE' }]) });
    expect(await gatewaysAreTold(team)).toBe(true);

    const grown = await api.operator.put(`${team.path}/functions/g`, PYTHON);
    expect([grown.status, grown.body.code, grown.body.details]).toMatchObject([403, 'QUOTA_EXCEEDED', { limit: 'monthlySpend', allowed: '0.50', used: month.total }]);
    expect(grown.body.detail).toBe(`The tenant's quota allows 0.50 EUR a month and ${month.total} EUR are spent in ${month.period}; nothing may grow until the limit is raised or the next month begins.`);
    const scaled = await api.operator.graphql('mutation($input: DeployFunctionInput!) { deployFunction(input: $input) { userErrors { code message } } }', { input: { tenant: team.name, function: { name: 'f', ...PYTHON, runtime: 'PYTHON', scaling: { max: 4 } } } });
    expect(scaled.body.data.deployFunction.userErrors).toEqual([{ code: 'QUOTA_EXCEEDED', message: grown.body.detail }]);
    // A fix of the same size, less of it, and its end pass.
    expect((await api.operator.put(`${team.path}/functions/f`, { ...PYTHON, scaling: { max: 3 }, environment: { FIXED: '1' } })).status).toBe(202);
    expect((await api.operator.put(`${team.path}/functions/f`, { ...PYTHON, scaling: { max: 1 } })).status).toBe(202);
    expect((await api.operator.delete(`${team.path}/functions/f`)).status).toBe(202);
  });

  it('is lifted by itself when the limit is raised, by a plan without one, and when the next month begins', async () => {
    const team = await newTeam('0.10');
    await book(team, 20);
    const outcome = await look(team) as { again: string; delayMs: number };
    expect([outcome.again, outcome.delayMs > 0 && outcome.delayMs <= 3_600_000]).toEqual(['after', true]);
    expect((await spending(team)).spending).toBe('reached');
    await forgetQueued(team);
    expect((await api.operator.patch(`${team.path}/quota`, { overrides: { monthlySpend: '0.30' } })).status).toBe(200);
    expect((await queued(team))[0]!.wait).toBeLessThanOrEqual(0);
    await look(team);
    expect([(await spending(team)).spending, await gatewaysAreTold(team)]).toEqual(['within', undefined]);
    expect((await api.operator.put(`${team.path}/functions/f`, PYTHON)).status).toBe(202);
    // As it stood at the end of a month: nothing is spent yet in the present one.
    const next = await newTeam('0.30');
    await api.plane.database.transaction(SYSTEM, (manager) => manager.query(`UPDATE tenant SET spend_reached = '{"month": "2020-01", "limit": "0.30", "spent": "0.31", "currency": "EUR", "at": "2020-01-31T00:00:00.000Z"}' WHERE id = $1`, [next.id]));
    expect((await spending(next)).spending).toBe('reached');
    expect(await look(next)).toEqual({ again: 'never' });
    expect((await spending(next)).spending).toBe('within');
    expect((await api.operator.patch(next.path, { timeZone: 'Pacific/Auckland' })).status).toBe(202);
    expect(await queued(next)).toHaveLength(1);
  });

  it('stops a tenant within a minute of the booking, with nobody asking', async () => {
    const team = await newTeam('0.05');
    const runner = new JobRunner(api.plane.database, api.config.DATABASE_URL!, [api.plane.app.get(CheckSpendJob, { strict: false })]);
    runner.start();
    try {
      await book(team, 6);
      await eventually(async () => expect((await spending(team)).spending).toBe('reached'), { withinMs: 30_000 });
      await api.operator.patch(`${team.path}/quota`, { overrides: { monthlySpend: '1' } });
      await eventually(async () => expect((await spending(team)).spending).toBe('within'), { withinMs: 10_000 });
    } finally {
      await runner.stop(5_000);
    }
  }, 60_000);
});
