import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { PYTHON } from '../../../test/support/contract/examples.js';
import { noRequests, type RequestTotals } from '../../contract/request-totals.js';
import { systemContext } from '../../platform/context/context.js';
import { CleanFunctionMetricsJob } from './jobs/clean-function-metrics.job.js';
import type { MetricReading } from './metric-points.policy.js';
import { MetricsBooking } from './metrics-booking.js';
import { MetricWritingRepository } from './store/metric-writing.repository.js';

const SYSTEM = systemContext('test');
const MINUTE_MS = 60_000;

interface Fn {
  tenant: string;
  tenantId: string;
  id: string;
  name: string;
}

describe('time series of functions', () => {
  let api: TestApi;
  /** In the middle of a minute that is over, so that no test runs from one into the next. */
  const at = new Date(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 1.5 * MINUTE_MS);
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api?.stop());

  async function newFunction(tenant = randomName('team')): Promise<Fn> {
    await api.operator.post('/v1/tenants', { name: tenant });
    const name = randomName('f');
    const { body } = await api.operator.put(`/v1/tenants/${tenant}/functions/${name}`, { ...PYTHON, name });
    const { body: { id: tenantId } } = await api.operator.get(`/v1/tenants/${tenant}`);
    return { tenant, tenantId: tenantId as string, id: body.id as string, name };
  }

  /** A meter that has just started: it remembers nothing. */
  const meter = (): MetricsBooking => new MetricsBooking(new MetricWritingRepository(api.plane.database));
  const totals = (succeeded: number, more: Partial<RequestTotals> = {}): RequestTotals => ({ ...noRequests(), succeeded, ...more });
  const slots = (counts: Record<number, number>): number[] => noRequests().durations.map((_, slot) => counts[slot] ?? 0);
  const reading = (fn: Fn, instance: string, what: RequestTotals, when = at): MetricReading => ({ cluster: 'local', instance, tenantId: fn.tenantId, functionId: fn.id, totals: what, at: when });

  async function seen(path: string, query = ''): Promise<Record<string, unknown>[]> {
    const { status, body } = await api.operator.get(`${path}/metrics${query}`);
    expect([status, body.errors]).toEqual([200, undefined]);
    return (body.points as Record<string, unknown>[]).filter(({ requests, pods, coldStarts }) => Number(requests) + Number(pods) + Number(coldStarts) > 0);
  }
  const path = (fn: Fn): string => `/v1/tenants/${fn.tenant}/functions/${fn.name}`;

  it('add each step of a counter once, whoever reads it and however often', async () => {
    const fn = await newFunction();
    const life = randomUUID();
    const first = meter();
    await first.book([reading(fn, life, totals(3))]);
    await first.book([reading(fn, life, totals(3))]);
    await Promise.all(Array.from({ length: 4 }, () => meter().book([reading(fn, life, totals(8, { serverErrors: 2 }))])));
    // A reading that was under way meanwhile.
    await meter().book([reading(fn, life, totals(5))]);
    await first.book([reading(fn, life, totals(9, { serverErrors: 2, clientErrors: 1 }))]);
    expect(await seen(path(fn))).toMatchObject([{ at: new Date(at.getTime() - MINUTE_MS / 2).toISOString(), requests: 12, serverErrors: 2, clientErrors: 1 }]);
  });

  it('go on when a pod begins anew, and add up over pods, clusters and gateways, quantiles too', async () => {
    const fn = await newFunction();
    const pods = [randomUUID(), randomUUID(), randomUUID()];
    await meter().book([reading(fn, pods[0]!, totals(90, { durations: slots({ 3: 90 }) })), reading(fn, 'gateway-1', totals(0, { coldStarts: 2, serverErrors: 1 }))]);
    await meter().book([reading(fn, pods[1]!, totals(5, { durations: slots({ 8: 5 }) })), { ...reading(fn, pods[2]!, totals(5, { durations: slots({ 8: 5 }) })), cluster: 'other' }]);
    const [point, ...more] = await seen(path(fn));
    expect(more).toEqual([]);
    expect(point).toMatchObject({ requests: 101, serverErrors: 1, coldStarts: 2, durationMs: { p50: expect.closeTo(7.78, 1) as number, p95: 375, p99: expect.closeTo(475, 0) as number } });
  });

  it('are of the tenant\'s functions together, in each step asked for, by REST and GraphQL alike', async () => {
    const one = await newFunction();
    const two = await newFunction(one.tenant);
    await meter().book([reading(one, randomUUID(), totals(3)), reading(two, randomUUID(), totals(4), new Date(at.getTime() - MINUTE_MS))]);
    expect((await seen(`/v1/tenants/${one.tenant}`)).map(({ requests }) => requests)).toEqual([4, 3]);
    expect((await seen(`/v1/tenants/${one.tenant}`, '?step=86400')).map(({ requests }) => requests).reduce((a, b) => Number(a) + Number(b), 0)).toBe(7);
    const { body } = await api.operator.get(`/v1/tenants/${one.tenant}/metrics`);
    const fields = 'from to stepSeconds points { at requests clientErrors serverErrors durationMs { p50 p95 p99 } coldStarts inFlight pods }';
    const answer = await api.operator.graphql(`query($t: String!, $f: String!, $from: DateTime!, $to: DateTime!) { tenantMetrics(tenant: $t, from: $from, to: $to) { ${fields} } functionMetrics(tenant: $t, function: $f, from: $from, to: $to, step: 60) { ${fields} } }`,
      { t: one.tenant, f: one.name, from: body.from as string, to: body.to as string });
    expect(answer.body.errors).toBeUndefined();
    expect(answer.body.data.tenantMetrics).toEqual(body);
    expect(answer.body.data.functionMetrics).toEqual((await api.operator.get(`${path(one)}/metrics?from=${body.from as string}&to=${body.to as string}`)).body);
  });

  it('show the most pods and requests in flight of a minute, over several meters and clusters', async () => {
    const fn = await newFunction();
    const load = (inFlight: number, cluster = 'local') => ({ cluster, tenantId: fn.tenantId, functionId: fn.id, inFlight });
    const first = meter();
    await first.show([load(2), load(3)], at);
    await first.show([load(1)], at);
    await meter().show([load(4), load(0), load(0)], at);
    await meter().show([load(7, 'other')], at);
    expect(await seen(path(fn))).toMatchObject([{ inFlight: 12, pods: 4 }]);
  });

  it('are nobody else\'s, and of no function that is not there', async () => {
    const [fn, other] = [await newFunction(), await newFunction()];
    await meter().book([reading(fn, randomUUID(), totals(3))]);
    expect(await seen(`/v1/tenants/${other.tenant}`)).toEqual([]);
    const stranger = await api.person(randomName('stranger'));
    const [hidden, missing] = [await stranger.get(`${path(fn)}/metrics`), await stranger.get(`/v1/tenants/nobody/functions/f/metrics`)];
    expect([hidden.status, hidden.body.code]).toEqual([404, missing.body.code]);
    expect((await api.operator.get(`/v1/tenants/${other.tenant}/functions/${fn.id}/metrics`)).body).toMatchObject({ status: 404, code: 'FUNCTION_NOT_FOUND' });
    // What is not the platform's, or of nobody, keeps nothing else from being written.
    await meter().book([{ ...reading(fn, 'x', totals(1)), functionId: 'no-uuid' }, { ...reading(fn, 'y', totals(1)), tenantId: randomUUID() }, reading(other, randomUUID(), totals(5))]);
    expect(await seen(path(other))).toMatchObject([{ requests: 5 }]);
  });

  it.each(['?step=90', '?step=x', '?from=yesterday', '?to=2026-01-01T00:00:00Z', '?from=2026-01-01T00:00:00Z', '?step=60&limit=5'])('refuse %s', async (query) => {
    const { tenant } = await newFunction();
    expect((await api.operator.get(`/v1/tenants/${tenant}/metrics${query}`)).status).toBe(422);
  });

  it('are forgotten when they are too old, hours later than minutes, and nothing else is', async () => {
    const fn = await newFunction();
    const days = (count: number): Date => new Date(Date.now() - count * 86_400_000);
    for (const ago of [0, 4, 62]) await meter().book([reading(fn, randomUUID(), totals(1), days(ago))]);
    await api.plane.app.get(CleanFunctionMetricsJob, { strict: false }).handle();
    const [rows] = await api.plane.database.transaction(SYSTEM, (manager) => manager.query<{ minutes: string; hours: string; cursors: string }[]>(
      `SELECT (SELECT count(*) FROM function_metric WHERE function_id = $1 AND resolution = 60) AS minutes, (SELECT count(*) FROM function_metric WHERE function_id = $1 AND resolution = 3600) AS hours,
       (SELECT count(*) FROM function_metric_cursor WHERE function_id = $1) AS cursors`, [fn.id]));
    expect(rows).toEqual({ minutes: '1', hours: '2', cursors: '1' });
  });
});
