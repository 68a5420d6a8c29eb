import { request as clientRequest } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import type { GatewayLimits } from './gateway-limits.js';
import { GatewayRig, TestTenant, until, type TestPod } from './testing/gateway-rig.js';

describe('limits', () => {
  let rig: GatewayRig;
  const shop = new TestTenant('shop');
  const bank = new TestTenant('bank');
  afterEach(() => rig.stop());

  async function setUp(limits: Partial<GatewayLimits> = {}): Promise<void> {
    rig = await new GatewayRig().start({ limits: { maxWaitMs: 400, ...limits } });
    for (const tenant of [shop, bank]) rig.sink.upsertAccess(tenant.accessList());
  }

  /** A pod that answers only when told to. */
  async function holdingPod(): Promise<{ pod: TestPod; held: (() => void)[]; peak: () => number }> {
    const held: (() => void)[] = [];
    let [now, peak] = [0, 0];
    const pod = await rig.pod((_request, response) => {
      peak = Math.max(peak, ++now);
      response.on('close', () => now--);
      held.push(() => response.end('ok'));
    });
    return { pod, held, peak: () => peak };
  }

  const codes = async (answers: Promise<Response>[]): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (const answer of await Promise.all(answers)) {
      const key = answer.status === 200 ? '200' : (await answer.json() as { code: string }).code;
      counts[key] = (counts[key] ?? 0) + 1;
    }
    return counts;
  };

  it('gives a pod no more requests at once than its concurrency; the others wait in order', async () => {
    await setUp({ maxWaitMs: 5000 });
    const { pod, held, peak } = await holdingPod();
    rig.deploy(shop, 'f', [pod], {}, { concurrency: 2 });
    const answers: Promise<Response>[] = [];
    for (let i = 0; i < 6; i++) {
      answers.push(rig.fetch(shop, `/shop/f/${i}`));
      await until(async () => (await rig.metric('fnplane_gateway_in_flight_requests')) === i + 1);
    }
    expect([held.length, await rig.metric('fnplane_gateway_waiting_requests')]).toEqual([2, 4]);
    for (let i = 0; i < 6; i++) {
      await until(() => held.length > i);
      held[i]!();
      await until(() => i >= 4 || held.length > i + 2);
    }
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(6).fill(200));
    expect(peak()).toBe(2);
    expect(pod.requests.slice(2).map(({ url }) => url)).toEqual(['/2', '/3', '/4', '/5']);
  });

  it('refuses who finds the queue full, and who waits too long', async () => {
    await setUp({ maxWaitingPerFunction: 3 });
    const { pod, held } = await holdingPod();
    rig.deploy(shop, 'f', [pod], {}, { concurrency: 1 });
    const first = rig.fetch(shop, '/shop/f');
    await until(() => held.length === 1);
    const others = Array.from({ length: 5 }, () => rig.fetch(shop, '/shop/f'));
    const refused = await Promise.any(others);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await codes(others)).toEqual({ FUNCTION_OVERLOADED: 5 });
    held[0]!();
    expect((await first).status).toBe(200);
    expect(pod.requests.length).toBe(1);
    expect(await rig.metric('fnplane_gateway_refusals_total', { code: 'FUNCTION_OVERLOADED' })).toBe(5);
  });

  it('keeps room for others however greedy one function is', async () => {
    await setUp({ maxInFlight: 20, maxWaitMs: 5000 });
    const greedy = await holdingPod();
    rig.deploy(shop, 'greedy', [greedy.pod]);
    rig.deploy(bank, 'modest', [await rig.pod()]);
    const answers = Array.from({ length: 40 }, () => rig.fetch(shop, '/shop/greedy'));
    await until(async () => (await rig.metric('fnplane_gateway_refusals_total', { code: 'GATEWAY_OVERLOADED' })) === 30);
    expect(await codes(Array.from({ length: 5 }, () => rig.fetch(bank, '/bank/modest')))).toEqual({ 200: 5 });
    expect(greedy.held.length).toBe(10);
    for (const answer of greedy.held) answer();
    expect(await codes(answers)).toEqual({ 200: 10, GATEWAY_OVERLOADED: 30 });
  });

  it('holds each tenant to its rate, and no other', async () => {
    await setUp();
    rig.deploy(shop, 'f', [await rig.pod()]);
    rig.deploy(bank, 'f', [await rig.pod()]);
    rig.sink.upsertAccess(shop.accessList({ rateLimit: { perSecond: 1, burst: 3 } }));
    const answers = await Promise.all(Array.from({ length: 10 }, () => rig.fetch(shop, '/shop/f')));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBe(7);
    expect([refused[0]!.headers.get('retry-after'), refused[0]!.headers.get('ratelimit-limit'), refused[0]!.headers.get('ratelimit-remaining')]).toEqual(['1', '1', '0']);
    expect(await refused[0]!.json()).toMatchObject({ code: 'RATE_LIMITED', retryable: true });
    expect(await codes(Array.from({ length: 10 }, () => rig.fetch(bank, '/bank/f')))).toEqual({ 200: 10 });
    expect(rig.gateway.usageReport().functions.find(({ tenantId }) => tenantId === shop.id)!.invocations).toBe(3);
  });

  it('holds each tenant to its invocations a minute over all its functions, and says so', async () => {
    await setUp();
    for (const name of ['f', 'g']) rig.deploy(shop, name, [await rig.pod()]);
    rig.deploy(bank, 'f', [await rig.pod()]);
    rig.sink.upsertAccess(shop.accessList({ invocations: { concurrent: 100, perMinute: 4 } }));
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => rig.fetch(shop, i % 2 ? '/shop/f' : '/shop/g')));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBe(6);
    const wait = Number(refused[0]!.headers.get('retry-after'));
    expect([wait > 0 && wait <= 61, refused[0]!.headers.get('ratelimit-limit')]).toEqual([true, '4']);
    expect(await refused[0]!.json()).toMatchObject({ code: 'RATE_LIMITED', retryable: true, detail: expect.stringMatching(/^The tenant's quota allows 4 invocations per minute, and they are used up; try again in \d+ s\.$/) });
    expect(await codes(Array.from({ length: 10 }, () => rig.fetch(bank, '/bank/f')))).toEqual({ 200: 10 });
    // A list that comes again forgets nothing; refusals are counted and cost nothing.
    rig.sink.upsertAccess(shop.accessList({ invocations: { concurrent: 100, perMinute: 4 } }));
    expect((await rig.fetch(shop, '/shop/f')).status).toBe(429);
    expect(await rig.metric('fnplane_gateway_refusals_total', { code: 'RATE_LIMITED' })).toBe(7);
    expect(await rig.metric('fnplane_gateway_requests_total', { tenant: 'shop', code_class: '4xx' })).toBe(7);
    const billed = rig.gateway.usageReport().functions.filter(({ tenantId }) => tenantId === shop.id).map(({ invocations }) => invocations);
    expect(billed.reduce((sum, count) => sum + count, 0)).toBe(4);
  });

  it('holds each tenant to its concurrent invocations over all its functions, exactly', async () => {
    await setUp({ maxWaitMs: 5_000 });
    const busy = await holdingPod();
    for (const name of ['f', 'g']) rig.deploy(shop, name, [busy.pod]);
    rig.deploy(bank, 'f', [await rig.pod()]);
    rig.sink.upsertAccess(shop.accessList({ invocations: { concurrent: 3, perMinute: 1_000 } }));
    const answers = Array.from({ length: 12 }, (_, i) => rig.fetch(shop, i % 2 ? '/shop/f' : '/shop/g'));
    await until(async () => (await rig.metric('fnplane_gateway_refusals_total', { code: 'CONCURRENCY_LIMITED' })) === 9);
    const refused = await rig.fetch(shop, '/shop/f');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await refused.json()).toMatchObject({ code: 'CONCURRENCY_LIMITED', retryable: true, detail: 'The tenant\'s quota allows 3 concurrent invocations, and as many are under way; try again in 1 s.' });
    expect((await rig.fetch(bank, '/bank/f')).status).toBe(200);
    expect(busy.held.length).toBe(3);
    for (const answer of busy.held.splice(0)) answer();
    expect(await codes(answers)).toEqual({ 200: 3, CONCURRENCY_LIMITED: 9 });
    expect(busy.peak()).toBe(3);
  });

  it('gives a place back however an invocation ends', async () => {
    await setUp({ maxWaitMs: 50 });
    rig.deploy(shop, 'none', []);
    rig.deploy(shop, 'slow', [await rig.pod(() => undefined)], {}, { timeoutSeconds: 0.05 });
    rig.deploy(shop, 'broken', [await rig.pod((request) => void request.socket.destroy())]);
    rig.deploy(shop, 'f', [await rig.pod()]);
    rig.sink.upsertAccess(shop.accessList({ invocations: { concurrent: 1, perMinute: 1_000 } }));
    const free = (): Promise<void> => until(async () => (await rig.metric('fnplane_gateway_in_flight_requests')) === 0);
    for (const [path, status] of [['/shop/none', 503], ['/shop/slow', 504], ['/shop/broken', 502], ['/shop/f', 200]] as const) {
      expect((await rig.fetch(shop, path, { method: 'POST', body: 'x' })).status).toBe(status);
      await free();
    }
    const hanging = await holdingPod();
    rig.deploy(shop, 'hanging', [hanging.pod]);
    const left = new AbortController();
    const abandoned = rig.fetch(shop, '/shop/hanging', { signal: left.signal });
    abandoned.catch(() => undefined);
    await until(() => hanging.held.length === 1);
    expect((await rig.fetch(shop, '/shop/f')).status).toBe(429);
    left.abort();
    await free();
    expect((await rig.fetch(shop, '/shop/f')).status).toBe(200);
  });

  it('stops invocations of a tenant that has spent what it may, and goes on when that is lifted', async () => {
    await setUp();
    const pod = await rig.pod();
    rig.deploy(shop, 'f', [pod]);
    rig.deploy(shop, 'open', [pod], { authentication: 'none' });
    rig.deploy(bank, 'f', [await rig.pod()]);
    rig.sink.upsertAccess(shop.accessList({ spendLimitReached: true }));
    for (const path of ['/shop/f', '/shop/open']) {
      const refused = await rig.fetch(shop, path);
      expect(refused.status).toBe(403);
      expect(await refused.json()).toMatchObject({ code: 'SPEND_LIMIT_REACHED', retryable: false, detail: 'The tenant\'s monthly spend limit is reached; its functions answer again once the limit is raised or the next month begins.' });
    }
    expect((await fetch(`${rig.url}/shop/f`)).status).toBe(401);
    expect((await rig.fetch(bank, '/bank/f')).status).toBe(200);
    expect(pod.requests).toEqual([]);
    expect(await rig.metric('fnplane_gateway_refusals_total', { code: 'SPEND_LIMIT_REACHED' })).toBe(2);
    rig.sink.upsertAccess(shop.accessList());
    expect((await rig.fetch(shop, '/shop/f')).status).toBe(200);
    expect(rig.gateway.usageReport().functions.find(({ tenantId }) => tenantId === shop.id)!.invocations).toBe(1);
  });

  it('does not charge a tenant\'s rate for callers it does not know', async () => {
    await setUp();
    rig.deploy(shop, 'f', [await rig.pod()]);
    rig.sink.upsertAccess(shop.accessList({ rateLimit: { perSecond: 0.001, burst: 1 } }));
    for (let i = 0; i < 5; i++) expect((await fetch(`${rig.url}/shop/f`)).status).toBe(401);
    expect((await rig.fetch(shop, '/shop/f')).status).toBe(200);
  });

  describe('bodies', () => {
    const MIB = 1024 * 1024;
    const digest = (): Promise<TestPod> => rig.pod((request, response) => {
      let size = 0;
      request.on('data', (chunk: Buffer) => (size += chunk.length)).on('end', () => response.end(String(size)));
    });

    it.each([['declared', false], ['chunked', true]])('refuses one that is too large, %s, and says so to a caller who still sends', async (_name, chunked) => {
      await setUp({ maxBodyBytes: 100_000 });
      rig.deploy(shop, 'f', [await digest()]);
      const body = Readable.from(Array.from({ length: 30 }, () => Buffer.alloc(10_000)));
      const answer = await new Promise<{ status: number; text: string; connection: string | undefined }>((resolve, reject) => {
        const sending = clientRequest({ port: rig.port, path: '/shop/f', method: 'POST', headers: { authorization: `Bearer ${shop.key}`, ...(chunked ? {} : { 'content-length': 300_000 }) } }, (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => resolve({ status: response.statusCode!, text, connection: response.headers.connection }));
        }).on('error', reject);
        body.pipe(sending);
      });
      expect(answer).toMatchObject({ status: 413, connection: 'close' });
      expect(JSON.parse(answer.text)).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
      await until(async () => (await rig.metric('fnplane_gateway_in_flight_requests')) === 0);
    });

    it.each([0, 1, 65_536, 65_537, 3 * MIB])('carries %d bytes, of declared and of unknown length', async (size) => {
      await setUp();
      rig.deploy(shop, 'f', [await digest()]);
      const body = Buffer.alloc(size, 7);
      expect(await (await rig.fetch(shop, '/shop/f', { method: 'POST', body })).text()).toBe(String(size));
      const stream = new ReadableStream({ start: (controller) => { if (size > 0) controller.enqueue(body); controller.close(); } });
      expect(await (await rig.fetch(shop, '/shop/f', { method: 'PUT', body: stream, duplex: 'half' })).text()).toBe(String(size));
    });

    it('streams large bodies both ways in bounded memory, at the pace of the slower side', async () => {
      await setUp({ maxBodyBytes: 300 * MIB });
      const size = 192 * MIB;
      rig.deploy(shop, 'echo', [await rig.pod((request, response) => void request.pipe(response))], {}, { timeoutSeconds: 60 });
      const chunk = Buffer.alloc(MIB, 1);
      let sent = 0;
      let peak = 0;
      globalThis.gc?.();
      const before = process.memoryUsage.rss();
      const received = await new Promise<number>((resolve, reject) => {
        const sending = clientRequest({ port: rig.port, path: '/shop/echo', method: 'POST', headers: { authorization: `Bearer ${shop.key}` } }, (response) => {
          let count = 0;
          response.on('data', (data: Buffer) => {
            count += data.length;
            peak = Math.max(peak, process.memoryUsage.rss() - before, sent - count);
          }).on('end', () => resolve(count)).on('error', reject);
        }).on('error', reject);
        Readable.from((function* () {
          for (; sent < size; sent += chunk.length) yield chunk;
        })()).pipe(sending);
      });
      expect(received).toBe(size);
      expect(peak).toBeLessThan(128 * MIB);
    });

    it('does not read from a function faster than the caller does', async () => {
      await setUp();
      let written = 0;
      const pod = await rig.pod((_request, response) => {
        const more = (): void => {
          while (written < 200 * MIB) {
            written += 64 * 1024;
            if (!response.write(Buffer.alloc(64 * 1024))) return;
          }
        };
        response.on('drain', more);
        more();
      });
      rig.deploy(shop, 'flood', [pod], { authentication: 'none' });
      const socket = connect(rig.port, '127.0.0.1', () => socket.write('GET /shop/flood HTTP/1.1\r\nHost: x\r\n\r\n'));
      socket.pause();
      await until(() => written > 0);
      let last = -1;
      await until(() => {
        const still = written === last;
        last = written;
        return still;
      });
      expect(written).toBeLessThan(32 * MIB);
      socket.destroy();
      await until(async () => (await rig.metric('fnplane_gateway_in_flight_requests')) === 0);
    });

    it('goes on with the connection when a function answers without reading the upload', async () => {
      await setUp();
      rig.deploy(shop, 'f', [await rig.pod((_request, response) => response.writeHead(409).end('no'))]);
      for (let i = 0; i < 3; i++) {
        const response = await rig.fetch(shop, '/shop/f', { method: 'POST', body: Buffer.alloc(2 * MIB) });
        expect([response.status, await response.text()]).toEqual([409, 'no']);
      }
    });

    it('gives a small upload that stalls 408 and holds no pod meanwhile', async () => {
      await setUp({ bodyReadTimeoutMs: 100 });
      const pod = await digest();
      rig.deploy(shop, 'f', [pod], { authentication: 'none' });
      const received = await new Promise<string>((resolve) => {
        let text = '';
        const socket = connect(rig.port, '127.0.0.1', () => socket.write('POST /shop/f HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc'));
        socket.on('data', (data) => (text += data.toString())).on('error', () => undefined).on('close', () => resolve(text));
      });
      expect(received).toMatch(/^HTTP\/1.1 408/);
      expect(pod.requests).toEqual([]);
    });
  });
});
