import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { systemContext } from '../../platform/context/context.js';
import { JobQueue } from '../../platform/jobs/job-queue.js';
import { QuotasRepository } from '../quotas/store/quotas.repository.js';
import { SpendLimits } from '../quotas/spend-limits.js';
import type { CapacitySpan } from './capacity.js';
import { CapacityLedger } from './capacity-ledger.service.js';
import { WINDOW_MS } from './capacity-windows.policy.js';
import { LedgerService } from './ledger.service.js';
import { CapacityLedgerRepository } from './store/capacity-ledger.repository.js';

const SYSTEM = systemContext('test');
/** In a month that is over, away from its edges. */
const START = Date.parse('2026-10-10T10:02:00Z');
const minutes = (count: number): number => count * 60_000;

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

interface Team {
  id: string;
  name: string;
}

async function newTeam(): Promise<Team> {
  const name = randomName('team');
  return { id: (await api.operator.post('/v1/tenants', { name })).body.id as string, name };
}

/** One that has just started: it remembers nothing. */
function meter(): CapacityLedger {
  const { database } = api.plane;
  return new CapacityLedger(database, new CapacityLedgerRepository(database), new SpendLimits(new QuotasRepository(database), new JobQueue(database)));
}

function waiting(team: Team, more: Partial<CapacitySpan> = {}): CapacitySpan {
  return { podUid: randomUUID(), use: 'pool', tenantId: team.id, function: null, runtime: 'node', cluster: 'c', memoryMb: 128, cpuMillis: 250, from: START, to: undefined, seenUntil: START, ...more };
}

function running(team: Team, more: Partial<CapacitySpan> = {}): CapacitySpan {
  return { ...waiting(team), use: 'function', function: { id: randomUUID(), name: 'shop', revision: 1 }, runtime: null, memoryMb: 256, cpuMillis: 500, ...more };
}

async function booked(team: Team): Promise<{ rows: number; ms: number }> {
  const [row] = await api.plane.database.transaction(SYSTEM, (manager) => manager.query<{ rows: number; ms: number }[]>(
    'SELECT count(*)::int AS rows, coalesce(sum(ms), 0)::float AS ms FROM capacity_record WHERE tenant_id = $1', [team.id]));
  return row!;
}

it('two meters at once, killed ones and new ones book the time of a pod once, to the millisecond', async () => {
  const team = await newTeam();
  const life = waiting(team);
  for (const seen of [3, 7, 12, 13, 21]) {
    await Promise.all(Array.from({ length: 8 }, () => meter().book([{ ...life, seenUntil: START + minutes(seen) }])));
  }
  expect(await booked(team)).toEqual({ rows: 4, ms: minutes(18) });
  const end = { ...life, to: START + minutes(22) + 345, seenUntil: START + minutes(23) };
  await Promise.all(Array.from({ length: 8 }, () => meter().book([end])));
  expect(await booked(team)).toEqual({ rows: 5, ms: minutes(22) + 345 });
});

it('what no meter read is caught up from the pod\'s life', async () => {
  const team = await newTeam();
  const life = waiting(team);
  await meter().book([{ ...life, seenUntil: START + minutes(10) }]);
  const late = meter();
  const day = { ...life, to: START + minutes(24 * 60) };
  await late.book([day]);
  expect(await booked(team)).toMatchObject({ ms: minutes(24 * 60) });
  expect([late.isBooked(day), await late.book([day])]).toEqual([true, 0]);
});

it('a round that failed is in the next one', async () => {
  const team = await newTeam();
  const ledger = meter();
  const ended = waiting(team, { to: START + minutes(6) });
  const broken = { ...waiting(team, { to: START + minutes(6) }), runtime: null };
  await expect(ledger.book([ended, broken])).rejects.toThrow();
  expect([(await booked(team)).rows, ledger.isBooked(ended)]).toEqual([0, false]);
  await ledger.book([ended]);
  expect(await booked(team)).toEqual({ rows: 2, ms: minutes(6) });
});

it('tenants that do not exist are left out, and the ledger cannot be changed', async () => {
  const team = await newTeam();
  const nobody = waiting({ id: randomUUID(), name: '' }, { to: START + minutes(1) });
  expect(await meter().book([nobody, waiting(team, { to: START + minutes(1) })])).toBe(1);
  for (const statement of ['UPDATE capacity_record SET ms = 1', 'DELETE FROM capacity_record', 'TRUNCATE capacity_record']) {
    await expect(api.plane.database.transaction(SYSTEM, (manager) => manager.query(statement))).rejects.toThrow(/permission denied/);
  }
});

it('usage and bill show what waited and what idled, apart and the same through both APIs', async () => {
  const team = await newTeam();
  const shop = running(team, { to: START + minutes(10) });
  const idleOnly = running(team, { to: START + minutes(1), function: { id: randomUUID(), name: 'sleepy', revision: 2 } });
  // More at once than one pod's time: idle is nothing, never less.
  const crowded = running(team, { to: START + minutes(1), function: { id: randomUUID(), name: 'crowded', revision: 1 } });
  await meter().book([shop, idleOnly, crowded, waiting(team, { to: START + minutes(20) }), waiting(team, { runtime: 'go', to: START + minutes(2) })]);
  const used = (span: CapacitySpan, billedMs: number) => ({
    instance: randomUUID(), tenantId: team.id, functionId: span.function!.id, functionName: span.function!.name, revision: 1, cluster: 'c', memoryMb: 256, cpuMillis: 500,
    totals: { invocations: 1, billedMs, requestBytes: 0, responseBytes: 0 }, at: new Date(START),
  });
  await api.plane.app.get(LedgerService).book([used(shop, 90_000), used(crowded, 300_000)]);

  const path = `/v1/tenants/${team.name}`;
  const { body } = await api.operator.get(`${path}/usage?period=2026-10`);
  expect(body.idle).toEqual({ podSeconds: '570', gbSeconds: '142.5', cpuSeconds: '285' });
  expect(body.pools).toEqual([{ runtime: 'go', podSeconds: '120', gbSeconds: '15', cpuSeconds: '30' }, { runtime: 'node', podSeconds: '1200', gbSeconds: '150', cpuSeconds: '300' }]);
  const byName = (body.functions as { functionName: string; invocations: number; idle: { podSeconds: string } }[]).map(({ functionName, invocations, idle }) => `${functionName} ${invocations} ${idle.podSeconds}`);
  expect(byName).toEqual(['crowded 1 0', 'shop 1 510', 'sleepy 0 60']);

  const { body: bill } = await api.operator.get(`${path}/invoice-preview?period=2026-10`);
  const lines = Object.fromEntries((bill.lines as { meter: string; quantity: string; amount: string }[]).map(({ meter: name, quantity, amount }) => [name, `${quantity} ${amount}`]));
  expect(lines).toMatchObject({ idle_gb_seconds: '142.5 0.00', idle_cpu_seconds: '285 0.00', pool_gb_seconds: '165 0.00', pool_cpu_seconds: '330 0.00', gb_seconds: '97.5 0.00' });

  const query = `query($t: String!) {
    usage(tenant: $t, period: "2026-10") { idle { podSeconds gbSeconds cpuSeconds } pools { runtime podSeconds gbSeconds cpuSeconds } functions { functionName idle { podSeconds } } }
    invoicePreview(tenant: $t, period: "2026-10") { total lines { meter quantity amount } } }`;
  const { data } = (await api.operator.graphql(query, { t: team.name })).body;
  expect(data.usage.idle).toEqual(body.idle);
  expect(data.usage.pools).toEqual((body.pools as { runtime: string }[]).map((pool) => ({ ...pool, runtime: pool.runtime.toUpperCase() })));
  expect(data.invoicePreview.total).toBe(bill.total);
  expect(data.invoicePreview.lines.find((line: { meter: string }) => line.meter === 'POOL_GB_SECONDS')).toMatchObject({ quantity: '165' });

  const records = (await api.operator.get(`${path}/usage/capacity-records?period=2026-10&limit=500`)).body.items as { use: string; ms: number; runtime: string | null; functionName: string | null }[];
  expect(records.filter(({ use }) => use === 'pool').reduce((sum, { ms }) => sum + ms, 0)).toBe(minutes(22));
  expect(records.every(({ ms }) => ms <= WINDOW_MS)).toBe(true);
});

it('a plan that names a price for waiting pods bills them', async () => {
  const team = await newTeam();
  const hours = 100;
  await meter().book(Array.from({ length: hours }, () => waiting(team, { to: START + minutes(60) })));
  const { body } = await api.operator.get(`/v1/tenants/${team.name}/invoice-preview?period=2026-10`);
  const amounts = Object.fromEntries((body.lines as { meter: string; amount: string }[]).map(({ meter: name, amount }) => [name, amount]));
  // 100 pods x 1 h x 1/8 GB x 0.0000041667, and x 1/4 CPU x 0.000006.
  expect(amounts).toMatchObject({ pool_gb_seconds: '0.19', pool_cpu_seconds: '0.54' });
  expect(body.total).toBe('0.73');
});
