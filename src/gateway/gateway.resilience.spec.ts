import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayRig, TestPod, TestTenant, until } from './testing/gateway-rig.js';

describe('when pods come, go and fail', () => {
  let rig: GatewayRig;
  const shop = new TestTenant('shop');

  beforeEach(async () => {
    rig = await new GatewayRig().start({ limits: { maxWaitMs: 1500 } });
    rig.sink.upsertAccess(shop.accessList());
  });
  afterEach(() => rig.stop());

  /** A pod that takes connections and breaks each once it has read something. */
  async function breakingPod(): Promise<{ pod: TestPod; connections: () => number; stop: () => void }> {
    let connections = 0;
    const server = createTcpServer((socket) => {
      connections++;
      socket.on('error', () => undefined).once('data', () => socket.resetAndDestroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const pod = Object.assign(new TestPod(), { port: (server.address() as AddressInfo).port });
    return { pod, connections: () => connections, stop: () => server.close() };
  }

  async function deadPod(): Promise<TestPod> {
    const pod = await rig.pod();
    await pod.stop();
    return pod;
  }

  const problem = async (response: Response): Promise<{ code: string; status: number }> => await response.json() as { code: string; status: number };

  it('spreads requests over all pods', async () => {
    const pods = [await rig.pod(), await rig.pod(), await rig.pod()];
    rig.deploy(shop, 'f', pods);
    await Promise.all(Array.from({ length: 90 }, () => rig.fetch(shop, '/shop/f')));
    for (const pod of pods) expect(pod.requests.length).toBeGreaterThan(10);
  });

  it.each(['GET', 'POST'])('sends %s elsewhere when a pod refuses the connection, body and all', async (method) => {
    const [dead, alive] = [await deadPod(), await rig.pod((request, response) => void request.pipe(response))];
    rig.deploy(shop, 'f', [dead, alive]);
    const init = method === 'POST' ? { method, body: 'precious' } : {};
    const answers = await Promise.all(Array.from({ length: 12 }, () => rig.fetch(shop, '/shop/f', init)));
    expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(200));
    if (method === 'POST') expect(await answers[0]!.text()).toBe('precious');
    expect(await rig.metric('fnplane_gateway_retries_total')).toBeGreaterThan(0);
    expect(alive.requests.length).toBe(12);
  });

  it('sends a streamed upload elsewhere too, as nothing of it was read', async () => {
    const [dead, alive] = [await deadPod(), await rig.pod((request, response) => void request.pipe(response))];
    rig.deploy(shop, 'f', [dead, alive]);
    const body = 'x'.repeat(200_000);
    for (let i = 0; i < 6; i++) {
      const response = await rig.fetch(shop, '/shop/f', { method: 'POST', body });
      expect((await response.text()).length).toBe(body.length);
    }
  });

  it('waits for the only pod while its container restarts', async () => {
    const pod = await rig.pod();
    rig.deploy(shop, 'f', [pod]);
    const { port } = pod;
    await pod.stop();
    const pending = rig.fetch(shop, '/shop/f', { method: 'POST', body: 'x' });
    await until(async () => (await rig.metric('fnplane_gateway_waiting_requests')) === 1);
    await pod.start(port);
    expect((await pending).status).toBe(200);
  });

  it('repeats an idempotent request whose connection broke before an answer', async () => {
    const { pod: breaking, connections, stop } = await breakingPod();
    const alive = await rig.pod();
    rig.deploy(shop, 'f', [breaking, alive]);
    for (let i = 0; i < 10; i++) expect((await rig.fetch(shop, '/shop/f')).status).toBe(200);
    expect(connections()).toBeGreaterThan(0);
    expect(alive.requests.length).toBe(10);
    stop();
  });

  it('never repeats a request that the function may have begun', async () => {
    const { pod: breaking, connections, stop } = await breakingPod();
    rig.deploy(shop, 'f', [breaking]);
    expect(await problem(await rig.fetch(shop, '/shop/f', { method: 'POST', body: 'charge the card' }))).toMatchObject({ code: 'FUNCTION_CONNECTION_LOST', status: 502 });
    expect(connections()).toBe(1);
    expect(await problem(await rig.fetch(shop, '/shop/f'))).toMatchObject({ code: 'FUNCTION_CONNECTION_LOST' });
    expect(connections()).toBe(4); // one and its two repeats
    stop();
  });

  it('waits for a pod that is being deployed', async () => {
    rig.deploy(shop, 'f', []);
    const pending = rig.fetch(shop, '/shop/f');
    await until(async () => (await rig.metric('fnplane_gateway_waiting_requests')) === 1);
    rig.endpoints(shop, 'f', [await rig.pod()]);
    expect((await pending).status).toBe(200);
    expect(await rig.metric('fnplane_gateway_waiting_requests')).toBe(0);
  });

  it('says after a while that no pod is ready', async () => {
    rig.deploy(shop, 'f', []);
    const response = await rig.fetch(shop, '/shop/f');
    expect(await problem(response)).toMatchObject({ code: 'FUNCTION_NOT_READY', status: 503 });
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('waits no longer than the function\'s own timeout', async () => {
    rig.deploy(shop, 'f', [], {}, { timeoutSeconds: 0.2 });
    const startedAt = performance.now();
    expect((await rig.fetch(shop, '/shop/f')).status).toBe(503);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  it('moves to the new revision\'s pods and lets the old ones finish', async () => {
    let finish = (): void => undefined;
    const old = await rig.pod((_request, response) => {
      response.write('slow ');
      finish = () => response.end('done');
    });
    rig.deploy(shop, 'f', [old]);
    const slow = await rig.fetch(shop, '/shop/f');
    const fresh = await rig.pod();
    const revisions = [1, 2].map((number) => ({ ...shop.functionResource('f').spec.revisions[0]!, number }));
    rig.sink.upsertFunction(shop.functionResource('f', { target: 2, revisions }));
    rig.endpoints(shop, 'f', [fresh], 2);
    for (let i = 0; i < 5; i++) expect((await rig.fetch(shop, '/shop/f')).headers.get('x-fnplane-served-by')).toBe('f@2');
    expect(await old.connections()).toBe(1);
    finish();
    expect(await slow.text()).toBe('slow done');
    expect(slow.headers.get('x-fnplane-served-by')).toBe('f@1');
    await until(async () => (await old.connections()) === 0);
  });

  it('answers 504 when the function takes too long, and ends its work', async () => {
    let aborted = false;
    const pod = await rig.pod((request) => void request.on('close', () => (aborted = true)));
    rig.deploy(shop, 'f', [pod], {}, { timeoutSeconds: 0.1 });
    expect(await problem(await rig.fetch(shop, '/shop/f', { method: 'POST', body: 'x' }))).toMatchObject({ code: 'FUNCTION_TIMEOUT', status: 504 });
    await until(() => aborted);
    expect(await rig.metric('fnplane_gateway_in_flight_requests')).toBe(0);
  });

  it('breaks an answer off that goes on beyond the timeout', async () => {
    const pod = await rig.pod((_request, response) => void response.write('for ever'));
    rig.deploy(shop, 'f', [pod], {}, { timeoutSeconds: 0.1 });
    await expect(rig.fetch(shop, '/shop/f').then((response) => response.text())).rejects.toThrow();
    await until(async () => (await rig.metric('fnplane_gateway_requests_total', { code_class: '5xx' })) === 1);
  });

  it.each(['before the answer', 'during the answer', 'while waiting'])('stops working for a caller who leaves %s', async (when) => {
    let closed = 0;
    const pod = await rig.pod((request, response) => {
      request.on('close', () => closed++);
      if (when === 'during the answer') response.write('begun');
    });
    rig.deploy(shop, 'f', when === 'while waiting' ? [] : [pod]);
    const controller = new AbortController();
    const pending = rig.fetch(shop, '/shop/f', { signal: controller.signal }).then((response) => response.text());
    pending.catch(() => undefined);
    await until(async () => (when === 'while waiting' ? (await rig.metric('fnplane_gateway_waiting_requests')) === 1 : pod.requests.length === 1));
    controller.abort();
    await expect(pending).rejects.toThrow();
    await until(async () => (await rig.metric('fnplane_gateway_in_flight_requests')) === 0);
    if (when !== 'while waiting') await until(() => closed === 1);
    expect(await rig.metric('fnplane_gateway_requests_total', { code_class: 'aborted' })).toBe(1);
    expect(await rig.metric('fnplane_gateway_waiting_requests')).toBe(0);
  });

  it('keeps serving what it knows while nothing new is heard of the cluster', async () => {
    rig.deploy(shop, 'f', [await rig.pod()]);
    expect(rig.gateway.ready).toBe(true);
    expect((await rig.fetch(shop, '/shop/f')).status).toBe(200);
  });

  describe('stop', () => {
    it('finishes what is under way, closes kept connections, takes nothing new', async () => {
      let finish = (): void => undefined;
      const pod = await rig.pod((_request, response) => (finish = () => response.end('done')));
      rig.deploy(shop, 'f', [pod]);
      const { port } = rig;
      const pending = rig.fetch(shop, '/shop/f');
      await until(() => pod.requests.length === 1);
      const stopped = rig.gateway.stop(5000);
      finish();
      const answer = await pending;
      expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
      await stopped;
      await expect(new Promise((resolve, reject) => connect(port, '127.0.0.1', () => resolve('connected')).on('error', reject))).rejects.toThrow('ECONNREFUSED');
      expect(rig.gateway.usageReport().functions[0]!.invocations).toBe(1);
    });

    it('cuts off what does not end in time', async () => {
      const pod = await rig.pod(() => undefined);
      rig.deploy(shop, 'f', [pod]);
      const pending = rig.fetch(shop, '/shop/f');
      pending.catch(() => undefined);
      await until(() => pod.requests.length === 1);
      await rig.gateway.stop(50);
      await expect(pending).rejects.toThrow();
    });
  });
});
