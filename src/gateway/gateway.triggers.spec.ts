import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HttpTriggerSpec } from '../contract/triggers.js';
import { InternalTokenSigner } from '../platform/invocation/internal-token-signer.js';
import { GatewayRig, TestTenant, type TestPod } from './testing/gateway-rig.js';
import { hostRequest, type HostAnswer } from './testing/host-request.js';

describe('hosts and paths of triggers', () => {
  let rig: GatewayRig;
  let pay: TestPod;
  let ship: TestPod;
  const shop = new TestTenant('shop');
  const bank = new TestTenant('bank');

  beforeEach(async () => {
    rig = await new GatewayRig().start({ baseDomain: 'fn.example', limits: { maxWaitMs: 300 } });
    for (const tenant of [shop, bank]) rig.sink.upsertAccess(tenant.accessList());
    [pay, ship] = [await rig.pod(), await rig.pod()];
  });
  afterEach(() => rig.stop());

  let count = 0;
  const at = (value: string, more: Partial<HttpTriggerSpec> = {}): HttpTriggerSpec => ({
    name: `t${count++}`, host: 'shop.example', path: { type: 'prefix', value }, authentication: 'public', ...more,
  });
  const exact = (value: string, more: Partial<HttpTriggerSpec> = {}): HttpTriggerSpec => at(value, { path: { type: 'exact', value }, ...more });

  const ask = (path: string, { host = 'shop.example', ...more }: { host?: string; method?: string; headers?: Record<string, string> } = {}): Promise<HostAnswer> => hostRequest(rig.port, path, { host, ...more });

  const seen = (pod: TestPod): string[] => pod.requests.map(({ url }) => url);

  it('reach their function: exact paths first, then the longest prefix, by whole segments', async () => {
    rig.deploy(shop, 'pay', [pay], { triggers: { http: [at('/'), at('/orders/new')] } });
    rig.deploy(shop, 'ship', [ship], { triggers: { http: [at('/orders'), exact('/orders/new/now')] } });
    for (const path of ['/', '/ordersx', '/orders/new', '/orders/new/x?a=/orders', '/orders/%6eew']) expect((await ask(path)).status).toBe(200);
    for (const path of ['/orders', '/orders/', '/orders/newest', '/orders/new/now?x', 'http://shop.example/orders/abs']) expect((await ask(path)).status).toBe(200);
    expect(seen(pay)).toEqual(['/', '/ordersx', '/orders/new', '/orders/new/x?a=/orders']);
    expect(seen(ship)).toEqual(['/orders/%6eew', '/orders', '/orders/', '/orders/newest', '/orders/new/now?x', '/orders/abs']);
  });

  it('are read without regard to case and port, and nothing else on such a host is anybody\'s', async () => {
    rig.deploy(shop, 'pay', [pay], { triggers: { http: [at('/a')] } });
    expect((await ask('/a', { host: 'SHOP.example:8443' })).status).toBe(200);
    expect((await ask('/b')).body.code).toBe('FUNCTION_NOT_FOUND');
    expect((await ask('/shop/pay', { headers: { authorization: `Bearer ${shop.key}` } })).body.code).toBe('FUNCTION_NOT_FOUND');
    expect((await ask('/shop/pay', { host: 'gateway.example', headers: { authorization: `Bearer ${shop.key}` } })).status).toBe(200);
  });

  it('are rewritten, the query kept', async () => {
    rig.deploy(shop, 'pay', [pay], { triggers: { http: [at('/api/v1', { rewrite: { prefix: '/' } }), exact('/status', { rewrite: { prefix: '/internal/status' } })] } });
    for (const path of ['/api/v1', '/api/v1/orders/7?x=/api/v1', '/api/v1?x', '/status?full']) expect((await ask(path)).status).toBe(200);
    expect(seen(pay)).toEqual(['/', '/orders/7?x=/api/v1', '/?x', '/internal/status?full']);
  });

  it('take their methods alone, and say which', async () => {
    rig.deploy(shop, 'pay', [pay], { triggers: { http: [at('/'), at('/a', { methods: ['POST', 'GET'] })] } });
    const refused = await ask('/a', { method: 'DELETE' });
    expect([refused.status, refused.headers.allow, refused.body.code]).toEqual([405, 'GET, POST', 'METHOD_NOT_ALLOWED']);
    expect((await ask('/a', { method: 'POST' })).status).toBe(200);
    expect((await ask('/b', { method: 'DELETE' })).status).toBe(200);
  });

  it('ask for a credential where they say so, whatever the function\'s own address does', async () => {
    rig.deploy(shop, 'pay', [pay], { authentication: 'none', triggers: { http: [at('/open'), at('/closed', { authentication: 'required' })] } });
    expect((await ask('/closed')).status).toBe(401);
    expect((await ask('/closed', { headers: { 'x-api-key': bank.key } })).body.code).toBe('FUNCTION_NOT_FOUND');
    expect((await ask('/closed', { headers: { 'x-api-key': shop.key } })).status).toBe(200);
    expect((await ask('/open', { headers: { 'x-api-key': 'their own' } })).status).toBe(200);
    expect(pay.requests.map(({ headers }) => headers['x-api-key'])).toEqual([undefined, 'their own']);
  });

  it('keep to what the tenant and the function may', async () => {
    rig.deploy(shop, 'pay', [pay], { suspension: 'ingress', triggers: { http: [at('/')] } });
    expect((await ask('/')).body.code).toBe('FUNCTION_SUSPENDED');
    rig.deploy(shop, 'pay', [pay], { triggers: { http: [at('/')] } });
    rig.sink.upsertAccess(shop.accessList({ spendLimitReached: true }));
    expect((await ask('/')).body.code).toBe('SPEND_LIMIT_REACHED');
    rig.sink.upsertAccess(shop.accessList({ rateLimit: { perSecond: 1, burst: 1 } }));
    expect([(await ask('/')).status, (await ask('/')).body.code]).toEqual([200, 'RATE_LIMITED']);
  });

  it('never come before a function\'s own host, nor into the way of the platform\'s calls', async () => {
    rig.deploy(shop, 'pay', [pay]);
    rig.deploy(bank, 'ship', [ship], { triggers: { http: [at('/', { host: 'pay.shop.fn.example' }), at('/', { host: 'gateway.example' })] } });
    expect((await ask('/', { host: 'pay.shop.fn.example', headers: { 'x-api-key': shop.key } })).status).toBe(200);
    const internal = new InternalTokenSigner(rig.secret).sign({ tenantId: shop.id, principal: 'user:ada', expiresAt: Date.now() + 30_000 }, 'GET', '/shop/pay');
    expect((await ask('/shop/pay', { host: 'gateway.example', headers: { 'x-fnplane-internal': internal } })).status).toBe(200);
    expect([pay.requests.length, ship.requests.length]).toEqual([2, 0]);
  });

  it('move with the resource: taken away, changed, to another function, gone with it', async () => {
    rig.deploy(shop, 'pay', [pay], { triggers: { http: [at('/')] } });
    expect((await ask('/')).status).toBe(200);
    // The other one has it already while the first one is not yet without: who was first answers.
    rig.deploy(shop, 'ship', [ship], { triggers: { http: [at('/')] } });
    expect([(await ask('/')).status, ship.requests.length]).toEqual([200, 0]);
    rig.deploy(shop, 'pay', [pay], { triggers: { http: [at('/pay')] } });
    expect([(await ask('/')).status, (await ask('/pay')).status, ship.requests.length, pay.requests.length]).toEqual([200, 200, 1, 3]);
    rig.sink.removeFunction(shop.namespace, 'ship');
    expect((await ask('/')).body.code).toBe('FUNCTION_NOT_FOUND');
    rig.deploy(shop, 'pay', [pay]);
    expect((await ask('/pay')).body.code).toBe('FUNCTION_NOT_FOUND');
  });

  describe('with rules for pages of other origins', () => {
    const cors = { allowOrigins: ['https://shop.example', 'https://app.example'], allowHeaders: ['x-order'], exposeHeaders: ['etag'], allowCredentials: true, maxAgeSeconds: 600 };
    const preflight = { origin: 'https://app.example', 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-order' };
    const said = ({ headers }: HostAnswer) => Object.fromEntries(Object.entries(headers).filter(([name]) => name === 'vary' || name.startsWith('access-control-')));

    it('answer a preflight themselves: without a credential, a pod, or an invocation', async () => {
      rig.sink.upsertFunction(shop.functionResource('pay', { triggers: { http: [at('/', { cors, methods: ['GET', 'PUT'], authentication: 'required' })] } }));
      const answer = await ask('/x', { method: 'OPTIONS', headers: preflight });
      expect([answer.status, said(answer)]).toEqual([204, {
        'access-control-allow-origin': 'https://app.example', 'access-control-allow-credentials': 'true', 'access-control-allow-methods': 'GET, PUT', 'access-control-allow-headers': 'x-order',
        'access-control-max-age': '600', vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
      }]);
      const other = await ask('/x', { method: 'OPTIONS', headers: { ...preflight, origin: 'https://evil.example' } });
      expect([other.status, Object.keys(said(other))]).toEqual([204, ['vary']]);
    });

    it('say who may read answers and refusals, whatever the function says', async () => {
      const loose = await rig.pod((_request, response) => response.writeHead(200, { 'access-control-allow-origin': '*', vary: 'accept', etag: '"1"' }).end());
      rig.deploy(shop, 'pay', [loose], { triggers: { http: [at('/', { cors }), at('/closed', { cors, authentication: 'required' })] } });
      const allowed = { 'access-control-allow-origin': 'https://shop.example', 'access-control-allow-credentials': 'true', 'access-control-expose-headers': 'etag' };
      expect(said(await ask('/', { headers: { origin: 'https://shop.example' } }))).toEqual({ ...allowed, vary: 'accept, Origin' });
      expect(said(await ask('/', { headers: { origin: 'https://evil.example' } }))).toEqual({ vary: 'accept, Origin' });
      expect(said(await ask('/'))).toEqual({ vary: 'accept, Origin' });
      const refused = await ask('/closed', { headers: { origin: 'https://shop.example' } });
      expect([refused.status, said(refused)]).toEqual([401, { ...allowed, vary: 'Origin' }]);
    });

    it('let all origins in where they say so, with the fields that are asked for; an OPTIONS that is no preflight is the function\'s', async () => {
      rig.deploy(shop, 'pay', [pay], { triggers: { http: [at('/', { cors: { allowOrigins: ['*'], allowHeaders: ['*'] } }), at('/own')] } });
      const answer = await ask('/', { method: 'OPTIONS', headers: { ...preflight, 'access-control-request-headers': 'x-a,x-b' } });
      expect(said(answer)).toMatchObject({ 'access-control-allow-origin': '*', 'access-control-allow-headers': 'x-a,x-b', 'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' });
      expect(said(await ask('/', { headers: { origin: 'https://any.example' } }))).toEqual({ 'access-control-allow-origin': '*' });
      expect(pay.requests.map(({ method }) => method)).toEqual(['GET']);
      expect((await ask('/', { method: 'OPTIONS' })).status).toBe(200);
      expect((await ask('/own', { method: 'OPTIONS', headers: preflight })).status).toBe(200);
      expect(pay.requests.map(({ url, method }) => `${method} ${url}`)).toEqual(['GET /', 'OPTIONS /', 'OPTIONS /own']);
    });
  });

  describe('with limits', () => {
    it('let through so many a second, of one caller and of all; what is held back takes nothing from the tenant', async () => {
      rig.sink.upsertAccess(shop.accessList({ rateLimit: { perSecond: 1, burst: 4 } }));
      const limits = { rate: { perSecond: 1, burst: 3 }, callerRate: { perSecond: 1, burst: 2 } };
      rig.deploy(shop, 'pay', [pay], { triggers: { http: [at('/a', { limits }), at('/b', { authentication: 'required', limits: { callerRate: { perSecond: 1 } } })] } });
      const answers = [await ask('/a'), await ask('/a'), await ask('/a')];
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
      expect(answers[2]).toMatchObject({ headers: { 'retry-after': '1', 'ratelimit-limit': '1' }, body: { code: 'RATE_LIMITED', detail: 'This address takes 1 requests per second of one caller; try again in 1 s.' } });
      // What anybody can write makes nobody another caller.
      expect((await ask('/a', { headers: { 'x-api-key': 'another', 'x-forwarded-for': '6.6.6.6' } })).status).toBe(429);
      expect([(await ask('/b', { headers: { 'x-api-key': shop.key } })).status, (await ask('/b', { headers: { 'x-api-key': shop.key } })).status]).toEqual([200, 429]);
      expect(pay.requests).toHaveLength(3);
      rig.deploy(shop, 'pay', [pay], { triggers: { http: [at('/a', { limits: { rate: { perSecond: 1 } } })] } });
      expect([(await ask('/a')).status, (await ask('/a')).body]).toEqual([200, expect.objectContaining({ code: 'RATE_LIMITED', detail: 'This address takes 1 requests per second; try again in 1 s.' })]);
    });

    it('take no longer body and wait no longer than they say', async () => {
      const slow = await rig.pod(() => undefined);
      rig.deploy(shop, 'pay', [pay], { triggers: { http: [at('/', { limits: { maxBodyBytes: 4 } })] } });
      rig.deploy(shop, 'ship', [slow], { triggers: { http: [at('/slow', { limits: { timeoutSeconds: 1 } })] } });
      expect((await ask('/', { method: 'POST', headers: { 'content-length': '5' } })).body.code).toBe('PAYLOAD_TOO_LARGE');
      const began = performance.now();
      expect((await ask('/slow')).body.code).toBe('FUNCTION_TIMEOUT');
      expect(performance.now() - began).toBeLessThan(4_000);
    });
  });

  it('wake a function without pods', async () => {
    const resource = shop.functionResource('pay', { triggers: { http: [at('/')] } });
    rig.sink.upsertFunction({ ...resource, status: { servingRevision: 1, scale: { active: false, since: '2026-01-01T00:00:00Z' } } });
    const answer = ask('/x');
    rig.endpoints(shop, 'pay', [pay]);
    expect((await answer).status).toBe(200);
  });
});
