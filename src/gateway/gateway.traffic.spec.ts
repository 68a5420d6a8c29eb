import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FunctionStatus, TrafficShare } from '../contract/function-resource.js';
import { GatewayRig, revisionsOf, TestTenant, until, type TestPod } from './testing/gateway-rig.js';

describe('traffic among revisions', () => {
  let rig: GatewayRig;
  const shop = new TestTenant('shop');

  beforeEach(async () => {
    rig = await new GatewayRig().start({ baseDomain: 'fn.example', limits: { maxWaitMs: 300 } });
    rig.sink.upsertAccess(shop.accessList());
  });
  afterEach(() => rig.stop());

  const follow = (traffic: TrafficShare[] | undefined, count = 2, more: Partial<FunctionStatus> = {}): void =>
    rig.sink.upsertFunction(revisionsOf(shop, 'orders', count, { servingRevision: 1, ...(traffic ? { traffic } : {}), ...more }));

  /** A pod of each revision, in the revision's own Service and the first one's in the main one too. */
  async function pods(count: number): Promise<TestPod[]> {
    const all = await Promise.all(Array.from({ length: count }, () => rig.pod()));
    all.forEach((pod, i) => rig.revisionEndpoint(shop, 'orders', i + 1, pod));
    rig.endpoints(shop, 'orders', [all[0]!]);
    return all;
  }

  async function served(path: string, requests: number, headers: Record<string, string> = {}): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (let i = 0; i < requests; i++) {
      const response = await rig.fetch(shop, path, { headers });
      const by = response.status === 200 ? response.headers.get('x-fnplane-served-by')! : (await response.json() as { code: string }).code;
      counts[by] = (counts[by] ?? 0) + 1;
    }
    return counts;
  }

  it('follows the shares exactly, and their changes', async () => {
    await pods(3);
    follow([{ revision: 1, percent: 80 }, { revision: 2, percent: 20 }], 3);
    expect(await served('/shop/orders', 100)).toEqual({ 'orders@1': 80, 'orders@2': 20 });
    follow([{ revision: 1, percent: 25 }, { revision: 2, percent: 50 }, { revision: 3, percent: 25 }], 3);
    expect(await served('/shop/orders', 100)).toEqual({ 'orders@1': 25, 'orders@2': 50, 'orders@3': 25 });
    follow(undefined, 3);
    expect(await served('/shop/orders', 20)).toEqual({ 'orders@1': 20 });
  });

  it('keeps the shares exact while pods come and go', async () => {
    await pods(2);
    follow([{ revision: 1, percent: 90 }, { revision: 2, percent: 10 }]);
    const counts: Record<string, number> = {};
    for (let i = 0; i < 10; i++) {
      const extra = await rig.pod();
      rig.revisionEndpoint(shop, 'orders', 1 + (i % 2), extra);
      for (const [by, count] of Object.entries(await served('/shop/orders', 10))) counts[by] = (counts[by] ?? 0) + count;
    }
    expect(counts).toEqual({ 'orders@1': 90, 'orders@2': 10 });
  });

  it('gives the share of a revision without pods to the others, and takes it back', async () => {
    const [, second] = await pods(2);
    follow([{ revision: 1, percent: 50 }, { revision: 2, percent: 50 }]);
    rig.removeRevisionEndpoint(shop, 'orders', 2, second!);
    expect(await served('/shop/orders', 20)).toEqual({ 'orders@1': 20 });
    rig.revisionEndpoint(shop, 'orders', 2, second!);
    expect(await served('/shop/orders', 20)).toEqual({ 'orders@1': 10, 'orders@2': 10 });
  });

  it('goes to another revision when the pods of one cannot be reached', async () => {
    const [, second] = await pods(2);
    await second!.stop();
    follow([{ revision: 1, percent: 50 }, { revision: 2, percent: 50 }]);
    expect(await served('/shop/orders', 20)).toEqual({ 'orders@1': 20 });
  });

  it('serves from a pod that has no share rather than from none, but never from a preview', async () => {
    const [first] = await pods(2);
    follow([{ revision: 1, percent: 100 }, { revision: 2, percent: 0, tag: 'preview' }]);
    rig.endpoints(shop, 'orders', []);
    rig.removeRevisionEndpoint(shop, 'orders', 1, first!);
    expect(await served('/shop/orders', 1)).toEqual({ FUNCTION_NOT_READY: 1 });
    const next = await rig.pod();
    rig.revisionEndpoint(shop, 'orders', 3, next);
    expect(await served('/shop/orders', 5)).toEqual({ 'orders@3': 5 });
    rig.revisionEndpoint(shop, 'orders', 1, first!);
    expect(await served('/shop/orders', 5)).toEqual({ 'orders@1': 5 });
  });

  it('counts a pod once that stands in the main and in its revision\'s Service', async () => {
    const [first] = await pods(1);
    let open = 0;
    let peak = 0;
    const held: (() => void)[] = [];
    first!.handler = (_request, response) => {
      peak = Math.max(peak, ++open);
      response.on('close', () => open--);
      held.push(() => response.end('ok'));
    };
    const resource = revisionsOf(shop, 'orders', 1, { servingRevision: 1 });
    resource.spec.revisions[0]!.concurrency = 1;
    rig.sink.upsertFunction(resource);
    const answers = [rig.fetch(shop, '/shop/orders'), rig.fetch(shop, '/shop/orders')];
    await until(async () => (await rig.metric('fnplane_gateway_waiting_requests')) === 1);
    held[0]!();
    await until(() => held.length === 2);
    held[1]!();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
    expect(peak).toBe(1);
  });

  describe('by tag', () => {
    const TRAFFIC: TrafficShare[] = [{ revision: 1, percent: 100 }, { revision: 2, percent: 0, tag: 'preview' }, { revision: 3, percent: 0, tag: 'v3' }];

    it('reaches the tag\'s revision alone, by path and by host', async () => {
      const all = await pods(3);
      follow(TRAFFIC, 3);
      expect(await served('/shop/preview---orders/a?b', 5)).toEqual({ 'orders@2': 5 });
      expect(all[1]!.requests[0]!.url).toBe('/a?b');
      expect(await served('/shop/v3---orders', 5)).toEqual({ 'orders@3': 5 });
      expect(await served('/shop/orders', 5)).toEqual({ 'orders@1': 5 });
      // `fetch` sends no Host of its own choice; an absolute target brings one.
      const response = await rig.rawGet(shop, 'http://preview---orders.shop.fn.example/by/host?x');
      expect(response.headers['x-fnplane-served-by']).toBe('orders@2');
      expect(all[1]!.requests.at(-1)!.url).toBe('/by/host?x');
    });

    it('is never answered by another revision', async () => {
      const [, second] = await pods(2);
      follow(TRAFFIC, 3);
      rig.removeRevisionEndpoint(shop, 'orders', 2, second!);
      expect(await served('/shop/preview---orders', 1)).toEqual({ FUNCTION_NOT_READY: 1 });
      expect(await served('/shop/orders', 1)).toEqual({ 'orders@1': 1 });
    });

    it('answers for an unknown tag exactly as for an unknown function', async () => {
      await pods(2);
      follow(TRAFFIC);
      rig.sink.upsertFunction(shop.functionResource('open', { authentication: 'none' }));
      const answer = async (path: string, init?: RequestInit): Promise<unknown> => {
        const response = await (init ? fetch(`${rig.url}${path}`, init) : rig.fetch(shop, path));
        const { requestId, ...body } = await response.json() as Record<string, unknown>;
        const headers = Object.fromEntries([...response.headers].filter(([name]) => !['date', 'x-request-id', 'content-length'].includes(name)));
        return [typeof requestId, response.status, body, headers];
      };
      for (const path of ['/shop/other---orders', '/shop/---orders', '/shop/preview---', '/shop/preview---unknown', '/shop/x---preview---orders', '/shop/preview---open']) {
        expect(await answer(path)).toEqual(await answer('/shop/unknown'));
        expect(await answer(path, {})).toEqual(await answer('/shop/unknown', {}));
      }
    });

    it('asks for the function\'s credential', async () => {
      await pods(2);
      follow(TRAFFIC);
      expect((await fetch(`${rig.url}/shop/preview---orders`)).status).toBe(401);
    });

    it('never stands before a function of that very name', async () => {
      await pods(2);
      follow(TRAFFIC);
      const own = await rig.pod();
      rig.deploy(shop, 'preview---orders', [own]);
      expect(await served('/shop/preview---orders', 3)).toEqual({ 'preview---orders@1': 3 });
    });

    it('neither waits behind those who wait for others, nor they behind it', async () => {
      const [first, second] = await pods(2);
      follow(TRAFFIC);
      rig.removeRevisionEndpoint(shop, 'orders', 2, second!);
      const tagged = rig.fetch(shop, '/shop/preview---orders');
      await until(async () => (await rig.metric('fnplane_gateway_waiting_requests')) === 1);
      expect((await rig.fetch(shop, '/shop/orders')).headers.get('x-fnplane-served-by')).toBe('orders@1');
      rig.revisionEndpoint(shop, 'orders', 2, second!);
      expect((await tagged).headers.get('x-fnplane-served-by')).toBe('orders@2');
      expect(first!.requests.length).toBe(1);
    });

    it('ends with the tag: who waits there gets no other revision, who comes finds nothing', async () => {
      const [, second] = await pods(2);
      follow(TRAFFIC);
      rig.removeRevisionEndpoint(shop, 'orders', 2, second!);
      const tagged = served('/shop/preview---orders', 1);
      await until(async () => (await rig.metric('fnplane_gateway_waiting_requests')) === 1);
      follow([{ revision: 1, percent: 100 }]);
      expect(await served('/shop/preview---orders', 1)).toEqual({ FUNCTION_NOT_FOUND: 1 });
      expect(await tagged).toEqual({ FUNCTION_NOT_READY: 1 });
    });
  });
});
