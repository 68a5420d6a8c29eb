import { Agent, request as clientRequest } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayRig, TestTenant, until } from './testing/gateway-rig.js';

const HELD = 1000;
const MIB = 1024 * 1024;

describe('a thousand held requests of one function', () => {
  let rig: GatewayRig;
  let agent: Agent;
  const shop = new TestTenant('shop');
  const bank = new TestTenant('bank');

  beforeEach(async () => {
    rig = await new GatewayRig().start({ waker: { wake: () => Promise.resolve(undefined) }, limits: { maxWakeWaitMs: 60_000 } });
    for (const tenant of [shop, bank]) rig.sink.upsertAccess(tenant.accessList());
    rig.deploy(shop, 'asleep', []);
    rig.deploy(bank, 'awake', [await rig.pod()]);
    agent = new Agent({ maxSockets: HELD });
  });
  afterEach(async () => {
    agent.destroy();
    await rig.stop();
  });

  /** Sends them over as many connections. */
  async function hold(): Promise<Promise<number>[]> {
    const answers = Array.from({ length: HELD }, (_, i) => new Promise<number>((resolve, reject) => {
      const sending = clientRequest({ agent, port: rig.port, path: `/shop/asleep/${i}`, method: 'POST', headers: { authorization: `Bearer ${shop.key}`, 'content-type': 'application/json' } }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode!));
      }).on('error', reject);
      sending.end(JSON.stringify({ order: i, text: 'x'.repeat(200) }));
    }));
    void Promise.allSettled(answers);
    await until(async () => (await rig.metric('fnplane_gateway_waiting_requests')) === HELD, 20_000);
    return answers;
  }

  async function medianMs(requests: number): Promise<number> {
    const times: number[] = [];
    for (let i = 0; i < requests; i++) {
      const startedAt = performance.now();
      const response = await rig.fetch(bank, '/bank/awake');
      await response.text();
      times.push(performance.now() - startedAt);
      expect(response.status).toBe(200);
    }
    return times.sort((a, b) => a - b)[Math.floor(requests / 2)]!;
  }

  it('use at most 64 MiB, callers\' side included', async () => {
    await medianMs(20);
    const before = await settledMemory();
    void Promise.allSettled(await hold());
    const after = await settledMemory();
    expect(after.used - before.used).toBeLessThanOrEqual(64 * MIB);
    expect(after.rss - before.rss).toBeLessThanOrEqual(64 * MIB);
  });

  it('leave another function\'s admission and latency as they are, and all are answered once there is a pod', async () => {
    await medianMs(50);
    const alone = await medianMs(200);
    const answers = await hold();
    const beside = await medianMs(200);
    // Each is the median of 200: what a busy neighbour takes is in both. A queue behind the held ones would be seconds.
    expect(beside).toBeLessThan(Math.max(4 * alone, 10));
    const burst = await Promise.all(Array.from({ length: 200 }, () => rig.fetch(bank, '/bank/awake')));
    expect(new Set(burst.map(({ status }) => status))).toEqual(new Set([200]));
    rig.endpoints(shop, 'asleep', [await rig.pod()]);
    expect(new Set(await Promise.all(answers))).toEqual(new Set([200]));
    expect(await rig.metric('fnplane_gateway_refusals_total')).toBe(0);
  });

  it('leave others room for bodies that are read before a pod is chosen', async () => {
    await rig.stop();
    rig = await new GatewayRig().start({ waker: { wake: () => Promise.resolve(undefined) }, limits: { bufferedTotalBytes: 100_000, maxWakeWaitMs: 60_000 } });
    for (const tenant of [shop, bank]) rig.sink.upsertAccess(tenant.accessList());
    rig.deploy(shop, 'asleep', []);
    const answers = await hold();
    // A body that found room is read at once, so that its slow sender holds no pod; one that did not is read by the pod.
    const slow = await rig.pod();
    rig.deploy(bank, 'awake', [slow], {}, { concurrency: 1 });
    const sending = clientRequest({ agent: false, port: rig.port, path: '/bank/awake', method: 'POST', headers: { authorization: `Bearer ${bank.key}`, 'content-length': 20_000 } });
    const answered = new Promise<number>((resolve, reject) => void sending.on('response', (response) => resolve(response.resume().statusCode!)).on('error', reject));
    sending.write('x'.repeat(10_000));
    await until(async () => (await rig.metric('fnplane_gateway_in_flight_requests')) === HELD + 1);
    expect((await rig.fetch(bank, '/bank/awake')).status).toBe(200);
    sending.end('x'.repeat(10_000));
    expect(await answered).toBe(200);
    rig.endpoints(shop, 'asleep', [await rig.pod((request, response) => void request.pipe(response))]);
    expect(new Set(await Promise.all(answers))).toEqual(new Set([200]));
  });
});

/** Memory once the collector has nothing more to do; it is taken twice where it can be asked to run. */
async function settledMemory(): Promise<{ used: number; rss: number }> {
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { used: heapUsed + external, rss };
}
