import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageCounters } from './counters/usage-counters.js';
import { GatewayRig, TestTenant, until } from './testing/gateway-rig.js';

describe('usage', () => {
  let rig: GatewayRig;
  const shop = new TestTenant('shop');

  beforeEach(async () => {
    rig = await new GatewayRig().start({ limits: { maxWaitMs: 300 } });
    rig.sink.upsertAccess(shop.accessList());
  });
  afterEach(() => rig.stop());

  const usage = (name: string): { invocations: number; billedMs: number; requestBytes: number; responseBytes: number } | undefined =>
    rig.gateway.usageReport().functions.find(({ functionId }) => functionId === `${shop.id}-${name}`);

  it('counts each invocation, its bytes and its time, rounded up to a millisecond', async () => {
    const pod = await rig.pod((request, response) => {
      request.resume().on('end', () => setTimeout(() => response.end('0123456789'), 20));
    });
    rig.deploy(shop, 'f', [pod]);
    const startedAt = performance.now();
    for (let i = 0; i < 5; i++) await (await rig.fetch(shop, '/shop/f', { method: 'POST', body: 'abc' })).text();
    await (await rig.fetch(shop, '/shop/f', { method: 'POST', body: Buffer.alloc(100_000) })).text();
    const elapsed = performance.now() - startedAt;
    expect(usage('f')).toMatchObject({ invocations: 6, requestBytes: 100_015, responseBytes: 60 });
    expect(Number.isInteger(usage('f')!.billedMs)).toBe(true);
    expect(usage('f')!.billedMs).toBeGreaterThanOrEqual(6 * 19);
    expect(usage('f')!.billedMs).toBeLessThanOrEqual(Math.ceil(elapsed) + 6);
  });

  it('bills neither refusals nor waits', async () => {
    const pod = await rig.pod();
    rig.deploy(shop, 'f', []);
    await fetch(`${rig.url}/shop/f`);
    expect((await rig.fetch(shop, '/shop/f')).status).toBe(503);
    const pending = rig.fetch(shop, '/shop/f');
    await until(async () => (await rig.metric('fnplane_gateway_waiting_requests')) === 1);
    const waitedFrom = performance.now();
    await until(() => performance.now() - waitedFrom > 150);
    rig.endpoints(shop, 'f', [pod]);
    await (await pending).text();
    expect(usage('f')!.invocations).toBe(1);
    expect(usage('f')!.billedMs).toBeLessThan(100);
  });

  it('bills what the function did for a caller who left or whom it kept waiting', async () => {
    const pod = await rig.pod(() => undefined);
    rig.deploy(shop, 'f', [pod], {}, { timeoutSeconds: 0.1 });
    expect((await rig.fetch(shop, '/shop/f')).status).toBe(504);
    expect(usage('f')!.invocations).toBe(1);
    expect(usage('f')!.billedMs).toBeGreaterThanOrEqual(100);
    rig.deploy(shop, 'f', [pod], {}, { timeoutSeconds: 60 });
    const controller = new AbortController();
    const pending = rig.fetch(shop, '/shop/f', { signal: controller.signal });
    pending.catch(() => undefined);
    await until(() => pod.requests.length === 2);
    controller.abort();
    await until(() => usage('f')!.invocations === 2);
  });

  it('leaves functions that count for themselves to themselves', async () => {
    rig.deploy(shop, 'f', [await rig.pod()], {}, { metering: 'runtime' });
    expect((await rig.fetch(shop, '/shop/f')).status).toBe(200);
    expect(rig.gateway.usageReport().functions).toEqual([]);
    expect(await rig.metric('fnplane_gateway_requests_total', { tenant: 'shop', function: 'f', code_class: '2xx' })).toBe(1);
  });

  it('tells for time series what no pod counts: refusals in the function\'s place, and the answers of images that do not count', async () => {
    const pod = await rig.pod((request, response) => void response.writeHead(request.url!.includes('missing') ? 404 : 200).end());
    rig.deploy(shop, 'counted', [pod], {}, { metering: 'runtime' });
    rig.deploy(shop, 'uncounted', [pod]);
    rig.deploy(shop, 'empty', []);
    rig.deploy(shop, 'stopped', [pod], { suspension: 'ingress' });
    for (const path of ['counted', 'counted/missing', 'uncounted', 'uncounted', 'uncounted/missing', 'empty', 'stopped']) await (await rig.fetch(shop, `/shop/${path}`)).text();
    const told = Object.fromEntries(rig.gateway.usageReport().requests!.map(({ functionId, succeeded, clientErrors, serverErrors, durations }) => [functionId.slice(shop.id.length + 1), [succeeded, clientErrors, serverErrors, durations.reduce((a, b) => a + b)]]));
    expect(told).toEqual({ uncounted: [2, 1, 0, 3], empty: [0, 0, 1, 0], stopped: [0, 1, 0, 0] });
    expect(rig.gateway.usageReport().requests!.every(({ tenantId }) => tenantId === shop.id)).toBe(true);
  });

  it('counts revisions apart, and keeps the totals of a function that is gone', async () => {
    const revisions = [1, 2].map((number) => ({ ...shop.functionResource('f').spec.revisions[0]!, number }));
    const pod = await rig.pod();
    rig.deploy(shop, 'f', [pod], { revisions });
    await rig.fetch(shop, '/shop/f');
    rig.endpoints(shop, 'f', [pod], 2);
    rig.sink.upsertFunction(shop.functionResource('f', { revisions, target: 2 }));
    await rig.fetch(shop, '/shop/f');
    rig.sink.removeFunction(shop.namespace, 'f');
    const report = rig.gateway.usageReport();
    expect(report.functions.map(({ revision, invocations }) => [revision, invocations])).toEqual([[1, 1], [2, 1]]);
    expect(report.instance).toBe(rig.gateway.usageReport().instance);
  });

  it('is bounded: the stalest records go, and their holders begin anew', () => {
    const counters = new UsageCounters(20);
    const records = Array.from({ length: 20 }, (_, i) => Object.assign(counters.record('t', `f${i}`, 1), { changedAt: i }));
    records[0]!.changedAt = 100;
    counters.record('t', 'new', 1);
    expect(records.map(({ dropped }, i) => (dropped ? i : -1)).filter((i) => i >= 0)).toEqual([1, 2]);
    expect(counters.report().functions.length).toBe(19);
  });
});

describe('metrics', () => {
  const rig = new GatewayRig();
  const shop = new TestTenant('shop');

  it('give a series of their own to a bounded number of functions, and never fall or jump', async () => {
    await rig.start({ limits: { maxFunctionSeries: 2 } });
    rig.sink.upsertAccess(shop.accessList());
    const pod = await rig.pod();
    for (const name of ['a', 'b', 'c', 'd']) {
      rig.deploy(shop, name, [pod]);
      await rig.fetch(shop, `/shop/${name}`);
      await rig.registry.metrics();
    }
    const total = 'fnplane_gateway_requests_total';
    expect([await rig.metric(total, { function: 'a' }), await rig.metric(total, { function: 'c' }), await rig.metric(total, { function: '_other' })]).toEqual([1, 0, 2]);
    rig.sink.removeFunction(shop.namespace, 'd');
    rig.sink.removeFunction(shop.namespace, 'a');
    expect([await rig.metric(total, { function: '_other' }), await rig.metric(total)]).toEqual([2, 3]);
    expect(await rig.metric('fnplane_gateway_request_duration_seconds_count', { function: 'b' })).toBe(1);
    expect(await rig.metric('fnplane_gateway_request_duration_seconds_bucket', { function: 'b', le: '+Inf' })).toBe(1);
    expect(await rig.metric('fnplane_gateway_functions')).toBe(2);
    await rig.stop();
    expect(await rig.registry.metrics()).not.toContain('fnplane_gateway');
  });
});
