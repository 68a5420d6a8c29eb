import { afterEach, describe, expect, it } from 'vitest';
import type { FunctionResource, FunctionSpec } from '../contract/function-resource.js';
import { ANNOTATION } from '../contract/names.js';
import type { WakeAnswer, WakeRequest, Waker } from '../contract/wake.js';
import type { GatewayOptions } from './gateway.js';
import { GatewayRig, podName, TestTenant, until, type TestPod } from './testing/gateway-rig.js';

/** Answers when the test says so, and remembers what it was asked. */
class TestWaker implements Waker {
  readonly asked: WakeRequest[] = [];
  readonly answers: ((answer: WakeAnswer | undefined) => void)[] = [];
  readonly failures: ((error: Error) => void)[] = [];
  signal: AbortSignal | undefined;

  wake(request: WakeRequest, signal: AbortSignal): Promise<WakeAnswer | undefined> {
    this.asked.push(request);
    this.signal = signal;
    return new Promise((resolve, reject) => {
      this.answers.push(resolve);
      this.failures.push(reject);
    });
  }
}

/** Remembers when it was written to. */
class TestMark {
  readonly written: { name: string; askedAt: number; at: number }[] = [];
  problem: Error | undefined;

  write(_namespace: string, name: string, askedAt: number): Promise<void> {
    this.written.push({ name, askedAt, at: performance.now() });
    return this.problem ? Promise.reject(this.problem) : Promise.resolve();
  }
}

describe('a function without pods', () => {
  let rig: GatewayRig;
  const shop = new TestTenant('shop');
  const waker = (): TestWaker => current.waker;
  let current: { waker: TestWaker; mark: TestMark };
  afterEach(() => rig.stop());

  async function setUp(options: Partial<GatewayOptions> = {}): Promise<void> {
    current = { waker: new TestWaker(), mark: new TestMark() };
    rig = await new GatewayRig().start({ waker: current.waker, wakeMark: current.mark, ...options });
    rig.sink.upsertAccess(shop.accessList());
  }

  function asleep(name = 'f', since = '2026-01-01T00:00:00Z', spec: Partial<FunctionSpec> = {}, concurrency = 0): FunctionResource {
    const resource = shop.functionResource(name, spec, { concurrency });
    return { ...resource, status: { servingRevision: 1, scale: { active: false, since } } };
  }

  const answerOf = (pod: TestPod, name = 'f'): WakeAnswer => ({ pod: podName(name, pod), address: '127.0.0.1', port: pod.port, revision: 1 });
  const waiting = (count: number): Promise<void> => until(async () => (await rig.metric('fnplane_gateway_waiting_requests')) === count);
  const refusal = async (response: Response): Promise<[number, string, boolean]> => [response.status, (await response.json() as { code: string }).code, Number(response.headers.get('retry-after')) > 0];

  describe('is woken', () => {
    it('once for many requests, and all are sent to the pod that the wake brought before any endpoint names it', async () => {
      await setUp();
      rig.sink.upsertFunction(asleep());
      const pod = await rig.pod((request, response) => void request.pipe(response));
      const answers = Array.from({ length: 25 }, (_, i) => rig.fetch(shop, `/shop/f/${i}`, { method: 'POST', body: `body ${i}` }));
      await waiting(25);
      expect(waker().asked).toEqual([{ namespace: shop.namespace, name: 'f', functionId: `${shop.id}-f` }]);
      waker().answers[0]!(answerOf(pod));
      expect(await Promise.all(answers.map(async (answer) => (await answer).text()))).toEqual(Array.from({ length: 25 }, (_, i) => `body ${i}`));
      expect((await answers[0]!).headers.get('x-fnplane-served-by')).toBe('f@1');
      expect((await rig.fetch(shop, '/shop/f')).status).toBe(200);
      expect(waker().asked.length).toBe(1);
    });

    it('and is counted once, as warm when the pod was brought and as plain when an endpoint named it, from the first request that waited', async () => {
      await setUp();
      rig.sink.upsertFunction(asleep('warm'));
      rig.sink.upsertFunction(asleep('plain'));
      const pod = await rig.pod();
      const answers = ['warm', 'warm', 'plain'].map((name) => rig.fetch(shop, `/shop/${name}`));
      await waiting(3);
      waker().answers[waker().asked.findIndex(({ name }) => name === 'warm')]!(answerOf(pod, 'warm'));
      rig.endpoints(shop, 'plain', [pod]);
      expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
      await (await rig.fetch(shop, '/shop/warm')).text();
      for (const start of ['warm', 'plain']) {
        expect(await rig.metric('fnplane_gateway_cold_starts_total', { tenant: 'shop', function: start, start })).toBe(1);
        expect(await rig.metric('fnplane_gateway_cold_start_duration_seconds_count', { start })).toBe(1);
      }
      expect(await rig.metric('fnplane_gateway_cold_starts_total')).toBe(2);
      expect(await rig.metric('fnplane_gateway_wait_duration_seconds_count')).toBe(3);
    });

    it('and is counted as plain although a warm pod came late to the start before', async () => {
      await setUp({ limits: { earlyPodMs: 50 } });
      rig.sink.upsertFunction(asleep());
      const pod = await rig.pod();
      const first = rig.fetch(shop, '/shop/f');
      await waiting(1);
      rig.endpoints(shop, 'f', [pod]);
      expect((await first).status).toBe(200);
      waker().answers[0]!({ ...answerOf(pod), pod: 'late', port: (await rig.pod()).port });
      rig.endpoints(shop, 'f', []);
      const given = performance.now();
      await until(() => performance.now() > given + 150);
      const second = rig.fetch(shop, '/shop/f');
      await waiting(1);
      rig.endpoints(shop, 'f', [pod]);
      expect((await second).status).toBe(200);
      expect(await rig.metric('fnplane_gateway_cold_start_duration_seconds_count', { start: 'plain' })).toBe(2);
      expect(await rig.metric('fnplane_gateway_cold_start_duration_seconds_count', { start: 'warm' })).toBe(0);
    });

    it('and a start that nobody waited for any more is not counted with the next one', async () => {
      await setUp({ limits: { maxWaitMs: 60, maxWakeWaitMs: 60 } });
      rig.sink.upsertFunction(asleep());
      expect((await rig.fetch(shop, '/shop/f')).status).toBe(503);
      const until150 = performance.now() + 150;
      await until(() => performance.now() > until150);
      rig.endpoints(shop, 'f', [await rig.pod()]);
      expect((await rig.fetch(shop, '/shop/f')).status).toBe(200);
      expect(await rig.metric('fnplane_gateway_cold_starts_total')).toBe(0);
    });

    it('through nobody but its own waiting requests: each function is asked for by itself', async () => {
      await setUp();
      for (const name of ['f', 'g', 'h']) rig.sink.upsertFunction(asleep(name));
      const pod = await rig.pod();
      const answers = ['f', 'g'].map((name) => rig.fetch(shop, `/shop/${name}`));
      await waiting(2);
      expect(waker().asked.map(({ name }) => name).sort()).toEqual(['f', 'g']);
      waker().answers.forEach((answer, i) => answer(answerOf(pod, waker().asked[i]!.name)));
      expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
    });

    it('and its pod is the same one that an endpoint names later: its requests and connections stay', async () => {
      await setUp();
      rig.sink.upsertFunction(asleep('f', undefined, {}, 1));
      const held: (() => void)[] = [];
      let open = 0;
      let peak = 0;
      const pod = await rig.pod((_request, response) => {
        peak = Math.max(peak, ++open);
        held.push(() => {
          open--;
          response.end('ok');
        });
      });
      const first = rig.fetch(shop, '/shop/f');
      await waiting(1);
      waker().answers[0]!(answerOf(pod));
      await until(() => held.length === 1);
      rig.revisionEndpoint(shop, 'f', 1, pod, false);
      rig.revisionEndpoint(shop, 'f', 1, pod);
      rig.endpoints(shop, 'f', [pod]);
      const second = rig.fetch(shop, '/shop/f');
      await waiting(1);
      held[0]!();
      await until(() => held.length === 2);
      held[1]!();
      expect([(await first).status, (await second).status, peak, await pod.connections()]).toEqual([200, 200, 1, 1]);
    });

    it('and its pod is dropped when endpoints have named it and name it no more', async () => {
      await setUp();
      rig.sink.upsertFunction(asleep());
      const pod = await rig.pod();
      const first = rig.fetch(shop, '/shop/f');
      await waiting(1);
      waker().answers[0]!(answerOf(pod));
      await first;
      rig.revisionEndpoint(shop, 'f', 1, pod, false);
      expect((await rig.fetch(shop, '/shop/f')).status).toBe(200);
      rig.removeRevisionEndpoint(shop, 'f', 1, pod);
      const next = rig.fetch(shop, '/shop/f');
      await until(() => waker().asked.length === 2);
      waker().answers[1]!(answerOf(await rig.pod()));
      expect((await next).status).toBe(200);
      expect(pod.requests.length).toBe(2);
    });

    it('and a pod that no endpoint ever names is used for a bounded time', async () => {
      await setUp({ limits: { earlyPodMs: 100 } });
      rig.sink.upsertFunction(asleep());
      const pod = await rig.pod();
      const first = rig.fetch(shop, '/shop/f');
      await waiting(1);
      waker().answers[0]!(answerOf(pod));
      expect((await first).status).toBe(200);
      await until(async () => (await pod.connections()) === 0);
      const later = rig.fetch(shop, '/shop/f');
      await until(() => waker().asked.length === 2);
      waker().answers[1]!(answerOf(pod));
      expect((await later).status).toBe(200);
    });

    it('again when the pod that a wake brought cannot be reached', async () => {
      await setUp();
      rig.sink.upsertFunction(asleep());
      const dead = await rig.pod();
      await dead.stop();
      const pending = rig.fetch(shop, '/shop/f', { method: 'POST', body: 'kept' });
      await waiting(1);
      waker().answers[0]!(answerOf(dead));
      await until(() => waker().asked.length === 2);
      waker().answers[1]!(answerOf(await rig.pod((request, response) => void request.pipe(response))));
      expect(await (await pending).text()).toBe('kept');
    });

    it('again, after a while, when no warm pod was to be had or the waker failed', async () => {
      await setUp();
      rig.sink.upsertFunction(asleep());
      const pending = rig.fetch(shop, '/shop/f');
      await waiting(1);
      waker().answers[0]!(undefined);
      await until(() => waker().asked.length === 2);
      waker().failures[1]!(new Error('no route to the operator'));
      await until(() => waker().asked.length === 3);
      waker().answers[2]!(answerOf(await rig.pod()));
      expect((await pending).status).toBe(200);
    });

    it('not while it is suspended, nor while it has pods that are busy', async () => {
      await setUp({ limits: { maxWaitMs: 150 } });
      rig.sink.upsertFunction(asleep('stopped', undefined, { suspension: 'compute' }));
      expect((await rig.fetch(shop, '/shop/stopped')).status).toBe(403);
      const pod = await rig.pod(() => undefined);
      rig.deploy(shop, 'busy', [pod], {}, { concurrency: 1 });
      const left = new AbortController();
      const first = rig.fetch(shop, '/shop/busy', { signal: left.signal });
      first.catch(() => undefined);
      await until(() => pod.requests.length === 1);
      expect(await refusal(await rig.fetch(shop, '/shop/busy'))).toEqual([503, 'FUNCTION_OVERLOADED', true]);
      expect([waker().asked, current.mark.written]).toEqual([[], []]);
      left.abort();
    });

    it('also by who asks for one of its tags', async () => {
      await setUp();
      const resource = asleep();
      rig.sink.upsertFunction({ ...resource, status: { ...resource.status, traffic: [{ revision: 1, percent: 100, tag: 'stable' }] } });
      const pending = rig.fetch(shop, '/shop/stable---f');
      await waiting(1);
      waker().answers[0]!(answerOf(await rig.pod()));
      expect((await pending).status).toBe(200);
    });

    it('no longer once the gateway stops', async () => {
      await setUp();
      rig.sink.upsertFunction(asleep());
      const pending = rig.fetch(shop, '/shop/f');
      pending.catch(() => undefined);
      await waiting(1);
      await rig.gateway.stop(0);
      expect(waker().signal!.aborted).toBe(true);
      await expect(pending).rejects.toThrow();
    });
  });

  describe('holds requests', () => {
    it('for as long as a cold start may take, whatever the function\'s own timeout, and says then when to come again', async () => {
      await setUp({ limits: { maxWaitMs: 50, maxWakeWaitMs: 400 } });
      rig.sink.upsertFunction(shop.functionResource('f', {}, { timeoutSeconds: 0.1 }));
      const startedAt = performance.now();
      expect(await refusal(await rig.fetch(shop, '/shop/f'))).toEqual([503, 'FUNCTION_NOT_READY', true]);
      expect(performance.now() - startedAt).toBeGreaterThan(390);
    });

    it('as many as its queue takes, those of its tags among them', async () => {
      await setUp({ limits: { maxWaitingPerFunction: 3 } });
      const resource = asleep();
      rig.sink.upsertFunction({ ...resource, status: { ...resource.status, traffic: [{ revision: 1, percent: 100, tag: 'stable' }] } });
      const held = ['f', 'stable---f', 'f'].map((name) => rig.fetch(shop, `/shop/${name}`));
      await waiting(3);
      expect(await refusal(await rig.fetch(shop, '/shop/f'))).toEqual([503, 'FUNCTION_OVERLOADED', true]);
      expect(await refusal(await rig.fetch(shop, '/shop/stable---f'))).toEqual([503, 'FUNCTION_OVERLOADED', true]);
      waker().answers[0]!(answerOf(await rig.pod()));
      expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200]);
    });

    it('and sends them on when ordinary pods become ready', async () => {
      await setUp();
      rig.sink.upsertFunction(asleep());
      const held = Array.from({ length: 5 }, () => rig.fetch(shop, '/shop/f'));
      await waiting(5);
      rig.endpoints(shop, 'f', [await rig.pod()]);
      expect((await Promise.all(held)).map(({ status }) => status)).toEqual(Array(5).fill(200));
    });

    it('and counts neither wakes nor waits against its usage', async () => {
      await setUp({ limits: { maxWaitMs: 50, maxWakeWaitMs: 100 } });
      rig.sink.upsertFunction(asleep());
      await rig.fetch(shop, '/shop/f');
      expect(rig.gateway.usageReport().functions).toEqual([]);
    });
  });

  describe('is marked on the cluster', () => {
    const lately = (): string => new Date(Date.now() - 1000).toISOString();

    it('at once, once for many requests, and again no sooner than a second later', async () => {
      await setUp();
      rig.sink.upsertFunction(asleep());
      const held = Array.from({ length: 10 }, () => rig.fetch(shop, '/shop/f'));
      await waiting(10);
      expect(current.mark.written.length).toBe(1);
      await until(() => current.mark.written.length === 2);
      const [first, second] = current.mark.written;
      expect(second!.at - first!.at).toBeGreaterThanOrEqual(1000);
      rig.endpoints(shop, 'f', [await rig.pod()]);
      await Promise.all(held);
    });

    it('with a time later than its last change, whatever the clocks', async () => {
      await setUp();
      const since = new Date(Date.now() + 60_000).toISOString();
      rig.sink.upsertFunction(asleep('f', since));
      const held = rig.fetch(shop, '/shop/f');
      await waiting(1);
      expect(current.mark.written[0]!.askedAt).toBe(Date.parse(since) + 1);
      rig.endpoints(shop, 'f', [await rig.pod()]);
      await held;
    });

    it('not where the resource shows such a mark already', async () => {
      await setUp();
      const resource = asleep('f', lately());
      resource.metadata.annotations = { [ANNOTATION.wake]: new Date().toISOString() };
      rig.sink.upsertFunction(resource);
      const held = rig.fetch(shop, '/shop/f');
      await waiting(1);
      expect(current.mark.written).toEqual([]);
      // It fell asleep again after that: an old mark says nothing.
      rig.sink.upsertFunction({ ...resource, status: { servingRevision: 1, scale: { active: false, since: new Date(Date.now() + 1000).toISOString() } } });
      await until(() => current.mark.written.length === 1);
      rig.endpoints(shop, 'f', [await rig.pod()]);
      await held;
    });

    it('by a request that a pod on its way out still takes', async () => {
      await setUp();
      rig.sink.upsertFunction(asleep());
      rig.endpoints(shop, 'f', [await rig.pod()]);
      for (let i = 0; i < 10; i++) expect((await rig.fetch(shop, '/shop/f')).status).toBe(200);
      expect([current.mark.written.length, waker().asked.length]).toEqual([1, 0]);
      rig.sink.upsertFunction(shop.functionResource('f'));
      expect((await rig.fetch(shop, '/shop/f')).status).toBe(200);
      expect(current.mark.written.length).toBe(1);
    });

    it('again when it could not be', async () => {
      await setUp();
      current.mark.problem = new Error('forbidden');
      rig.sink.upsertFunction(asleep());
      const held = rig.fetch(shop, '/shop/f');
      await until(() => current.mark.written.length === 2);
      rig.endpoints(shop, 'f', [await rig.pod()]);
      expect((await held).status).toBe(200);
    });
  });

  describe('whose pods start', () => {
    const probes = (pod: TestPod): number => pod.requests.filter(({ url }) => url === '/healthz').length;

    /** A pod whose `/healthz` says what `health` says. */
    const startingPod = (health: () => number): Promise<TestPod> => rig.pod((request, response) => {
      response.writeHead(request.url === '/healthz' ? health() : 200).end('ok');
    });

    it('gets its requests as soon as a pod answers, before any endpoint calls it ready', async () => {
      await setUp();
      rig.sink.upsertFunction(asleep());
      let health = 503;
      const pod = await startingPod(() => health);
      rig.revisionEndpoint(shop, 'f', 1, pod, false);
      expect(probes(pod)).toBe(0);
      const held = [rig.fetch(shop, '/shop/f'), rig.fetch(shop, '/shop/f')];
      await until(() => probes(pod) >= 5);
      expect(pod.requests.every(({ url }) => url === '/healthz')).toBe(true);
      health = 200;
      expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200]);
      const after = probes(pod);
      expect((await rig.fetch(shop, '/shop/f')).status).toBe(200);
      rig.revisionEndpoint(shop, 'f', 1, pod);
      expect((await rig.fetch(shop, '/shop/f')).status).toBe(200);
      expect([probes(pod), await pod.connections()]).toEqual([after, held.length]);
    });

    it.each([204, 302, 500])('is not taken for ready by a %d', async (status) => {
      await setUp({ limits: { maxWaitMs: 50, maxWakeWaitMs: 200 } });
      rig.sink.upsertFunction(asleep());
      const pod = await startingPod(() => status);
      rig.revisionEndpoint(shop, 'f', 1, pod, false);
      expect(await refusal(await rig.fetch(shop, '/shop/f'))).toEqual([503, 'FUNCTION_NOT_READY', true]);
      expect(pod.requests.every(({ url }) => url === '/healthz')).toBe(true);
    });

    it('asks a pod that does not answer at all once at a time', async () => {
      await setUp();
      rig.sink.upsertFunction(asleep());
      const silent = await rig.pod(() => undefined);
      const pod = await startingPod(() => 200);
      rig.revisionEndpoint(shop, 'f', 1, silent, false);
      const held = rig.fetch(shop, '/shop/f');
      await until(() => probes(silent) === 1);
      rig.revisionEndpoint(shop, 'f', 1, pod, false);
      expect((await held).status).toBe(200);
      expect(probes(silent)).toBe(1);
    });

    it('also gets those that wait for busy pods', async () => {
      await setUp({ limits: { maxWaitMs: 5000 } });
      rig.sink.upsertFunction(shop.functionResource('f', {}, { concurrency: 1 }));
      const busy = await rig.pod(() => undefined);
      rig.revisionEndpoint(shop, 'f', 1, busy);
      const left = new AbortController();
      const first = rig.fetch(shop, '/shop/f', { signal: left.signal });
      first.catch(() => undefined);
      await until(() => busy.requests.length === 1);
      const second = rig.fetch(shop, '/shop/f');
      await waiting(1);
      rig.revisionEndpoint(shop, 'f', 1, await startingPod(() => 200), false);
      expect((await second).status).toBe(200);
      left.abort();
    });
  });

  it('through the API server only what endpoints call ready is sent to', async () => {
    await setUp({ limits: { maxWaitMs: 50, maxWakeWaitMs: 200 }, podNetwork: 'proxy', serviceProxy: () => Promise.reject(new Error('must not be asked')) });
    rig.sink.upsertFunction(asleep());
    const pod = await rig.pod();
    rig.revisionEndpoint(shop, 'f', 1, pod, false);
    const held = rig.fetch(shop, '/shop/f');
    await waiting(1);
    waker().answers[0]!(answerOf(pod));
    expect(await refusal(await held)).toEqual([503, 'FUNCTION_NOT_READY', true]);
    expect(pod.requests).toEqual([]);
  });
});
