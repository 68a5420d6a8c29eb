import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayRig, TestTenant, until, type TestPod } from '../../gateway/testing/gateway-rig.js';
import { GatewayClient, type Invocation } from './gateway-client.js';
import { InternalTokenSigner } from './internal-token-signer.js';
import { InternalTokenVerifier } from './internal-token-verifier.js';
import { INTERNAL_TOKEN_TTL_MS } from './internal-token.js';

const SECRET = 'a secret of at least thirty-two characters';

describe('internal tokens', () => {
  const NOW = 1_800_000_000_000;
  const claims = { tenantId: 't1', principal: 'user:https://login.test/ada.with.dots', expiresAt: NOW + 10_000 };
  const token = new InternalTokenSigner(SECRET).sign(claims, 'POST', '/a/b?c');
  const verifier = new InternalTokenVerifier(SECRET);

  it('say who asks', () => {
    expect(verifier.verify(token, 'POST', '/a/b?c', NOW)).toEqual(claims);
  });

  it.each([
    ['another method', 'GET', '/a/b?c', NOW], ['another path', 'POST', '/a/b', NOW], ['a longer path', 'POST', '/a/b?c&d', NOW], ['too late', 'POST', '/a/b?c', NOW + 10_000],
    ['long before', 'POST', '/a/b?c', NOW - INTERNAL_TOKEN_TTL_MS - 60_000],
  ])('are refused for %s', (_name, method, target, now) => {
    expect(verifier.verify(token, method, target, now)).toBeUndefined();
  });

  it.each(['', 'v1', 'v1.a.b', 'v1..', `${token}x`, `${token}.x`, token.replace('v1.', 'v2.'), `v1.${'a'.repeat(5000)}.b`, token.slice(0, -4)])('are refused as %s', (forged) => {
    expect(verifier.verify(forged, 'POST', '/a/b?c', NOW)).toBeUndefined();
  });

  it('outlive the replacement of the secret', () => {
    expect(new InternalTokenVerifier('another secret, thirty-two characters', SECRET).verify(token, 'POST', '/a/b?c', NOW)).toEqual(claims);
    expect(new InternalTokenVerifier('another secret, thirty-two characters').verify(token, 'POST', '/a/b?c', NOW)).toBeUndefined();
  });

  it('need a secret worth the name', () => {
    expect(() => new InternalTokenSigner('short')).toThrow(RangeError);
    expect(() => new InternalTokenVerifier('short')).toThrow(RangeError);
  });
});

describe('GatewayClient', () => {
  const rig = new GatewayRig();
  const shop = new TestTenant('shop');
  let pod: TestPod;
  let client: GatewayClient;

  beforeAll(async () => {
    await rig.start({ limits: { maxWaitMs: 300 } });
    pod = await rig.pod();
    rig.sink.upsertAccess(shop.accessList());
    rig.deploy(shop, 'f', [pod]);
    rig.deploy(shop, 'cold', []);
    client = new GatewayClient({ url: rig.url, secret: rig.secret, maxResponseBytes: 1000 });
  });
  afterAll(async () => {
    await client.close();
    await rig.stop();
  });

  const invoke = (changes: Partial<Invocation> = {}): ReturnType<GatewayClient['invoke']> =>
    client.invoke({ tenant: 'shop', tenantId: shop.id, function: 'f', principal: 'user:ada', method: 'POST', path: '/x?y=1', timeoutMs: 3000, ...changes });

  it('invokes on behalf of a caller without passing on what he showed the API', async () => {
    pod.handler = (request, response) => {
      response.writeHead(201, { 'x-own': '1' });
      request.pipe(response);
    };
    const answer = await invoke({ body: '{"a":1}', headers: { 'Content-Type': 'application/json', Authorization: 'Bearer api', 'X-Api-Key': 'k', 'X-Fnplane-Internal': 'x', Host: 'evil', 'x-request-id': 'r-1' } });
    expect(answer).toMatchObject({ status: 201, revision: 1, refusal: undefined, headers: { 'x-own': '1' } });
    expect(answer.body.toString()).toBe('{"a":1}');
    const seen = pod.requests.at(-1)!;
    expect([seen.method, seen.url, seen.headers['content-type'], seen.headers['x-request-id']]).toEqual(['POST', '/x?y=1', 'application/json', 'r-1']);
    expect([seen.headers.authorization, seen.headers['x-api-key'], seen.headers['x-fnplane-internal']]).toEqual([undefined, undefined, undefined]);
    expect(Number(seen.headers['x-fnplane-deadline'])).toBeLessThanOrEqual(Date.now() + 3000);
  });

  it('gives a function\'s errors as answers', async () => {
    pod.handler = (_request, response) => response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":{"type":"Boom","message":"m"}}');
    expect(await invoke()).toMatchObject({ status: 500, revision: 1, refusal: undefined });
  });

  it('tells the gateway\'s refusals from a function\'s answers', async () => {
    expect(await invoke({ function: 'cold' })).toMatchObject({ status: 503, revision: undefined, refusal: { code: 'FUNCTION_NOT_READY', retryAfterSeconds: 2 } });
    expect(await invoke({ function: 'missing' })).toMatchObject({ status: 404, refusal: { code: 'FUNCTION_NOT_FOUND' } });
    expect(await invoke({ tenantId: new TestTenant('x').id })).toMatchObject({ status: 401, refusal: { code: 'CREDENTIAL_INVALID' } });
  });

  it('takes answers up to its limit', async () => {
    pod.handler = (_request, response) => response.end('x'.repeat(1000));
    expect((await invoke()).body.length).toBe(1000);
    pod.handler = (_request, response) => response.end('x'.repeat(1001));
    await expect(invoke()).rejects.toMatchObject({ kind: 'upstream', code: 'INVOCATION_RESPONSE_TOO_LARGE' });
  });

  it('keeps of an answer what is asked for, and reads the rest', async () => {
    pod.handler = (_request, response) => response.writeHead(201).end('x'.repeat(1000));
    expect(await invoke({ keepBytes: 1000 })).toMatchObject({ status: 201, tooLarge: false, body: Buffer.alloc(1000, 'x') });
    pod.handler = (_request, response) => response.writeHead(201).end('x'.repeat(100_000));
    expect(await invoke({ keepBytes: 1000 })).toMatchObject({ status: 201, revision: 1, tooLarge: true, body: Buffer.alloc(0) });
    pod.handler = (_request, response) => {
      response.write('begun', () => response.destroy());
    };
    await expect(invoke({ keepBytes: 1000 })).rejects.toMatchObject({ kind: 'upstream', code: 'FUNCTION_CONNECTION_LOST' });
  });

  it('ends the function\'s work when its caller leaves', async () => {
    let ended = false;
    pod.handler = (request) => void request.on('close', () => (ended = true));
    const controller = new AbortController();
    const before = pod.requests.length;
    const pending = invoke({ signal: controller.signal });
    pending.catch(() => undefined);
    await until(() => pod.requests.length > before);
    controller.abort(new Error('left'));
    await expect(pending).rejects.toThrow('left');
    await until(() => ended);
  });

  it.each(['no-slash', '/a b', '/a#b', '/\u00e9', '/a\r\nX: y'])('refuses the path %j', async (path) => {
    await expect(invoke({ path })).rejects.toMatchObject({ kind: 'invalid', code: 'INVOCATION_PATH_INVALID' });
  });

  it('says when there is no gateway, and when it does not answer', async () => {
    const silent = createServer((socket) => void socket.resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const request: Invocation = { tenant: 'shop', tenantId: shop.id, function: 'f', principal: 'p', method: 'GET', path: '/', timeoutMs: -900 };
    const mute = new GatewayClient({ url: `http://127.0.0.1:${port}`, secret: SECRET });
    await expect(mute.invoke(request)).rejects.toMatchObject({ kind: 'timeout', code: 'INVOCATION_TIMEOUT' });
    await mute.close();
    await new Promise((resolve) => silent.close(resolve));
    const gone = new GatewayClient({ url: `http://127.0.0.1:${port}`, secret: SECRET });
    await expect(gone.invoke({ ...request, timeoutMs: 2000 })).rejects.toMatchObject({ kind: 'unavailable', code: 'GATEWAY_UNAVAILABLE' });
    await gone.close();
  });
});
