import type { RequestListener } from 'node:http';
import { Agent } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { proxyHeaders } from './upstream/service-proxy-upstream.js';
import { GatewayRig, TestTenant, until, type TestPod } from './testing/gateway-rig.js';

const STATUS = (code: number, message: string): string => JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code });

describe('through the API server', () => {
  const rig = new GatewayRig();
  const shop = new TestTenant('shop');
  const dispatcher = new Agent();
  let apiServer: TestPod;
  afterEach(() => rig.stop());

  async function setUp(handler: RequestListener, podNetwork: 'proxy' | 'auto' = 'proxy'): Promise<void> {
    await rig.start({
      podNetwork, probeAgainMs: 50,
      serviceProxy: async ({ namespace, name, port }) => ({
        dispatcher, origin: `http://127.0.0.1:${apiServer.port}`, pathPrefix: `/api/v1/namespaces/${namespace}/services/${name}%3A${port}/proxy`, headers: { authorization: 'Bearer platform' },
      }),
    });
    apiServer = await rig.pod(handler);
    rig.sink.upsertAccess(shop.accessList());
    for (const [name, authentication] of [['f', 'required'], ['open', 'none']] as const) rig.sink.upsertFunction(shop.functionResource(name, { authentication }, { concurrency: 2, timeoutSeconds: 2 }));
  }

  /** The address is never used where the mode is `proxy`. */
  const ready = (name: string, address = '192.0.2.77', port = 8080): void => {
    rig.sink.upsertSlice({ metadata: { name, namespace: shop.namespace, labels: { 'kubernetes.io/service-name': name } }, endpoints: [{ addresses: [address], conditions: { ready: true } }], ports: [{ port }] });
  };

  it('goes the request under the platform\'s credentials, and no claim of the caller\'s', async () => {
    await setUp((request, response) => void request.pipe(response));
    ready('open');
    const response = await fetch(`${rig.url}/shop/open/a%20b?x=1`, {
      method: 'POST', body: 'data',
      headers: { authorization: 'Bearer callers', 'impersonate-user': 'system:admin', 'Impersonate-Group': 'system:masters', 'Impersonate-Extra-x': 'y', 'x-remote-user': 'admin', 'audit-id': 'z', 'x-own': 'kept' },
    });
    expect([response.status, await response.text(), response.headers.get('x-fnplane-served-by')]).toEqual([200, 'data', 'open@1']);
    const [seen] = apiServer.requests;
    expect(seen!.url).toBe(`/api/v1/namespaces/${shop.namespace}/services/open%3A80/proxy/a%20b?x=1`);
    expect(seen!.headers).toMatchObject({ authorization: 'Bearer platform', 'x-own': 'kept', host: `127.0.0.1:${apiServer.port}` });
    expect(Object.keys(seen!.headers).filter((name) => /^(impersonate|x-remote|audit)/.test(name))).toEqual([]);
    expect(rig.gateway.mode()).toBe('proxy');
  });

  it.each(['Impersonate-User', 'impersonate-uid', 'IMPERSONATE-EXTRA-a%2fb', 'X-Remote-Group', 'Authorization', 'Connection', 'Host'])('%s never passes', (name) => {
    expect(proxyHeaders([name, 'x', 'accept', '*/*'], { authorization: 'Bearer p' })).toEqual(['accept', '*/*', 'authorization', 'Bearer p']);
  });

  it.each([
    [503, 'no endpoints available for service "f"', 503, 'FUNCTION_NOT_READY'], [403, 'services "f" is forbidden', 503, 'CLUSTER_UNREACHABLE'],
    [401, 'Unauthorized', 503, 'CLUSTER_UNREACHABLE'], [500, 'etcd is away', 503, 'CLUSTER_UNREACHABLE'],
  ])('takes the API server\'s own %d (%s) for what it is', async (status, message, expected, code) => {
    await setUp((_request, response) => response.writeHead(status, { 'content-type': 'application/json' }).end(STATUS(status, message)));
    ready('f');
    const response = await rig.fetch(shop, '/shop/f');
    const text = await response.text();
    expect([response.status, (JSON.parse(text) as { code: string }).code]).toEqual([expected, code]);
    expect(text).not.toContain(message);
  });

  it('passes a function\'s own error answer on', async () => {
    await setUp((_request, response) => response.writeHead(503, { 'content-type': 'application/json', 'x-own': '1' }).end('{"error":"mine"}'));
    ready('f');
    const response = await rig.fetch(shop, '/shop/f');
    expect([response.status, response.headers.get('x-own'), await response.text()]).toEqual([503, '1', '{"error":"mine"}']);
  });

  it('says so when the API server is away, and recovers with it', async () => {
    await setUp((_request, response) => response.end('ok'));
    ready('f');
    const { port } = apiServer;
    expect((await rig.fetch(shop, '/shop/f')).status).toBe(200);
    await apiServer.stop();
    expect(await (await rig.fetch(shop, '/shop/f')).json()).toMatchObject({ code: 'CLUSTER_UNREACHABLE', status: 503 });
    await apiServer.start(port);
    expect((await rig.fetch(shop, '/shop/f')).status).toBe(200);
  });

  it('lets no more requests through than all pods together take', async () => {
    let [now, peak] = [0, 0];
    const held: (() => void)[] = [];
    await setUp((_request, response) => {
      peak = Math.max(peak, ++now);
      held.push(() => {
        now--;
        response.end('ok');
      });
    });
    ready('f');
    const answers = Array.from({ length: 4 }, () => rig.fetch(shop, '/shop/f'));
    for (let i = 0; i < 4; i++) {
      await until(() => held.length > i);
      held[i]!();
    }
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(peak).toBe(2);
  });

  describe('auto', () => {
    it.each(['nothing answers', 'something else answers'])('finds pods out of reach, where %s, and goes through the API server', async (what) => {
      await setUp((_request, response) => response.end('via API server'), 'auto');
      expect(rig.gateway.mode()).toBeUndefined();
      const other = await rig.pod((_request, response) => response.writeHead(403).end('denied by the proxy'));
      if (what === 'nothing answers') await other.stop();
      ready('f', '127.0.0.1', other.port);
      expect(await (await rig.fetch(shop, '/shop/f')).text()).toBe('via API server');
      expect(rig.gateway.mode()).toBe('proxy');
    });

    it('goes straight to pods that come into reach later', async () => {
      await setUp((_request, response) => response.end('via API server'), 'auto');
      let closed = true;
      const pod = await rig.pod((_request, response) => response.writeHead(closed ? 403 : 200).end('direct'));
      rig.deploy(shop, 'f', [pod]);
      expect(await (await rig.fetch(shop, '/shop/f')).text()).toBe('via API server');
      closed = false;
      await until(() => rig.gateway.mode() === 'direct');
      expect(await (await rig.fetch(shop, '/shop/f')).text()).toBe('direct');
    });

    it('finds pods in reach and goes straight to them', async () => {
      await setUp((_request, response) => response.end('via API server'), 'auto');
      const pod = await rig.pod((_request, response) => response.end('direct'));
      rig.deploy(shop, 'f', [pod]);
      expect(await (await rig.fetch(shop, '/shop/f')).text()).toBe('direct');
      expect(rig.gateway.mode()).toBe('direct');
    });
  });
});
