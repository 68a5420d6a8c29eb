import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AccessList } from '../contract/access-list.js';
import { GatewayRig, TestTenant, until, type TestPod } from './testing/gateway-rig.js';

const NAME = 'f';

/** Two gateways that know of each other only by number, in front of the same pod. */
describe('two gateways side by side', () => {
  const shop = new TestTenant('shop');
  let rigs: [GatewayRig, GatewayRig];
  let held: (() => void)[];
  let holding: boolean;
  let peak: number;
  let pod: TestPod;

  beforeEach(async () => {
    rigs = await Promise.all([new GatewayRig().start({ limits: { gateways: 2 } }), new GatewayRig().start({ limits: { gateways: 2 } })]);
    [held, holding, peak] = [[], false, 0];
    let now = 0;
    pod = await rigs[0].pod((request, response) => {
      request.resume();
      peak = Math.max(peak, ++now);
      response.on('close', () => now--);
      const answer = (): void => void response.end('12345');
      if (holding) held.push(answer);
      else answer();
    });
    for (const rig of rigs) rig.deploy(shop, NAME, [pod]);
    allow({});
  });
  afterEach(() => Promise.all(rigs.map((rig) => rig.stop())));

  const allow = (changes: Partial<AccessList>): void => { for (const rig of rigs) rig.sink.upsertAccess(shop.accessList(changes)); };
  /** As a balancer before them would spread them. */
  const flood = (count: number): Promise<Response>[] => Array.from({ length: count }, (_, index) => rigs[index % 2]!.fetch(shop, `/shop/${NAME}`, { method: 'POST', body: '123' }));
  const statuses = async (answers: Promise<Response>[]): Promise<Record<number, number>> => {
    const counts: Record<number, number> = {};
    for (const { status } of await Promise.all(answers)) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  };
  const reports = () => rigs.map((rig) => rig.gateway.usageReport());
  const counted = () => reports().flatMap(({ functions }) => functions);

  it.each<[string, Partial<AccessList>]>([
    ['a second', { rateLimit: { perSecond: 0.001, burst: 10 } }], ['a minute', { invocations: { concurrent: 1_000, perMinute: 10 } }],
  ])('hold a tenant together to its invocations %s', async (_, limits) => {
    allow(limits);
    expect(await statuses(flood(40))).toEqual({ 200: 10, 429: 30 });
    expect(pod.requests).toHaveLength(10);
    expect(counted().reduce((sum, { invocations }) => sum + invocations, 0)).toBe(10);
  });

  it('let one more through where a limit cannot be divided, and never fewer than it says', async () => {
    allow({ invocations: { concurrent: 1_000, perMinute: 11 } });
    expect(await statuses(flood(40))).toEqual({ 200: 12, 429: 28 });
  });

  it('hold a tenant together to what it may have under way', async () => {
    allow({ invocations: { concurrent: 6, perMinute: 1_000 } });
    holding = true;
    const answers = flood(20);
    await until(() => held.length === 6);
    const refused = await Promise.all(rigs.map((rig) => rig.fetch(shop, `/shop/${NAME}`)));
    expect(refused.map(({ status }) => status)).toEqual([429, 429]);
    holding = false;
    for (const answer of held) answer();
    expect([await statuses(answers), peak]).toEqual([{ 200: 6, 429: 14 }, 6]);
    // What was answered frees its place.
    expect(await statuses(flood(6))).toEqual({ 200: 6 });
  });

  it('count each request once between them, each under a name of its own', async () => {
    expect(await statuses(flood(31))).toEqual({ 200: 31 });
    const [one, other] = reports();
    expect(one!.instance).not.toBe(other!.instance);
    expect(counted().map(({ invocations }) => invocations)).toEqual([16, 15]);
    const sums = counted().reduce((sum, { requestBytes, responseBytes }) => ({ requestBytes: sum.requestBytes + requestBytes, responseBytes: sum.responseBytes + responseBytes }), { requestBytes: 0, responseBytes: 0 });
    expect([sums, pod.requests.length]).toEqual([{ requestBytes: 31 * 3, responseBytes: 31 * 5 }, 31]);
  });
});
