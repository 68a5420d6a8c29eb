import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DomainError } from '../platform/errors/domain-error.js';
import { InternalTokenSigner } from '../platform/invocation/internal-token-signer.js';
import { GatewayRig, TestTenant, until, type TestPod } from './testing/gateway-rig.js';

interface Problem {
  code: string;
  status: number;
  requestId: string;
}

const MEMBER = 'aaa.member.sig';
const STRANGER = 'aaa.stranger.sig';
const EXPIRED = 'aaa.expired.sig';
const UNDECIDED = 'aaa.undecided.sig';

describe('who may invoke', () => {
  const rig = new GatewayRig();
  const shop = new TestTenant('shop');
  const bank = new TestTenant('bank');
  let pod: TestPod;
  let verifications = 0;

  async function verify(token: string): Promise<{ issuer: string; subject: string; expiresAt: number }> {
    verifications++;
    await Promise.resolve();
    if (token === MEMBER || token === EXPIRED) return { issuer: 'https://login.test', subject: 'ada', expiresAt: token === EXPIRED ? Date.now() - 1 : Date.now() + 60_000 };
    if (token === STRANGER) return { issuer: 'https://login.test', subject: 'bob', expiresAt: Date.now() + 60_000 };
    if (token === UNDECIDED) throw new DomainError('unavailable', 'IDENTITY_PROVIDER_UNAVAILABLE', 'no answer');
    throw new Error('bad token');
  }

  beforeAll(async () => {
    await rig.start({ verify });
    pod = await rig.pod();
    rig.sink.upsertAccess(bank.accessList());
    rig.deploy(shop, 'orders', [pod]);
    rig.deploy(shop, 'open', [pod], { authentication: 'none' });
  });
  afterAll(() => rig.stop());
  beforeEach(() => {
    rig.sink.upsertAccess(shop.accessList({ members: [{ issuer: 'https://login.test', subject: 'ada' }] }));
    pod.requests.length = 0;
    verifications = 0;
  });

  const ask = (path: string, headers: Record<string, string> = {}): Promise<Response> => fetch(`${rig.url}${path}`, { headers });
  const bearer = (credential: string): Record<string, string> => ({ authorization: `Bearer ${credential}` });

  it.each([
    ['its API key as bearer', () => bearer(shop.key), 200, undefined],
    ['its API key, scheme in any case', () => ({ authorization: `bearer  ${shop.key}` }), 200, undefined],
    ['its API key in X-Api-Key', () => ({ 'x-api-key': shop.key }), 200, undefined],
    ['its API key beside other authorization', () => ({ authorization: 'Basic abc', 'x-api-key': shop.key }), 200, undefined],
    ['a member\'s token', () => bearer(MEMBER), 200, undefined],
    ['no credential', () => ({}), 401, 'AUTHENTICATION_REQUIRED'],
    ['a scheme the platform does not read', () => ({ authorization: 'Basic abc' }), 401, 'AUTHENTICATION_REQUIRED'],
    ['the key\'s id with another secret', () => bearer(`${shop.key.slice(0, 17)}${randomBytes(32).toString('base64url')}`), 401, 'CREDENTIAL_INVALID'],
    ['an unknown key', () => bearer(new TestTenant('x').key), 401, 'CREDENTIAL_INVALID'],
    ['the key without its scheme', () => ({ authorization: shop.key }), 401, 'AUTHENTICATION_REQUIRED'],
    ['garbage', () => bearer('garbage'), 401, 'CREDENTIAL_INVALID'],
    ['a forged token', () => bearer('aaa.forged.sig'), 401, 'CREDENTIAL_INVALID'],
    ['an expired token', () => bearer(EXPIRED), 401, 'CREDENTIAL_INVALID'],
    ['another tenant\'s key', () => bearer(bank.key), 404, 'FUNCTION_NOT_FOUND'],
    ['the token of somebody who is no member', () => bearer(STRANGER), 404, 'FUNCTION_NOT_FOUND'],
    ['a token that cannot be checked now', () => bearer(UNDECIDED), 503, 'AUTHENTICATION_UNAVAILABLE'],
  ])('%s', async (_name, headers, status, code) => {
    const response = await ask('/shop/orders', headers());
    expect(response.status).toBe(status);
    if (code === undefined) {
      expect(pod.requests.length).toBe(1);
      return;
    }
    const problem = await response.json() as Problem;
    expect([problem.code, problem.status, problem.requestId]).toEqual([code, status, response.headers.get('x-request-id')]);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.has('www-authenticate')).toBe(status === 401);
    expect(pod.requests.length).toBe(0);
  });

  it('answers a missing function, a missing tenant and one of somebody else in the same words', async () => {
    const seen = await Promise.all(['/shop/orders', '/shop/missing', '/nobody/missing', '/shop/orders/deep/path?q'].map(async (path) => {
      const response = await ask(path, { ...bearer(bank.key), 'x-request-id': 'same' });
      return { status: response.status, body: await response.text(), headers: [...response.headers].filter(([name]) => name !== 'date') };
    }));
    for (const one of seen) expect(one).toEqual(seen[0]);
  });

  it('does not let names be guessed without a credential', async () => {
    const seen = await Promise.all(['/shop/orders', '/shop/missing', '/nobody/x'].map(async (path) => (await ask(path, { 'x-request-id': 'same' })).text()));
    expect(new Set(seen).size).toBe(1);
  });

  it('asks nobody for a public function, and passes their credentials on', async () => {
    expect((await ask('/shop/open', { authorization: 'Bearer mine', 'x-api-key': 'mine too' })).status).toBe(200);
    expect([pod.requests[0]!.headers.authorization, pod.requests[0]!.headers['x-api-key']]).toEqual(['Bearer mine', 'mine too']);
  });

  it('never passes a credential it used', async () => {
    await ask('/shop/orders', { ...bearer(MEMBER), 'x-api-key': shop.key });
    await ask('/shop/orders', { 'x-api-key': shop.key, authorization: 'Basic function' });
    expect(pod.requests.map(({ headers }) => [headers.authorization, headers['x-api-key']])).toEqual([[undefined, undefined], ['Basic function', undefined]]);
  });

  it('verifies a token once, until the access list changes', async () => {
    for (let i = 0; i < 3; i++) expect((await ask('/shop/orders', bearer(MEMBER))).status).toBe(200);
    expect(verifications).toBe(1);
    rig.sink.upsertAccess(shop.accessList({ members: [] }));
    expect((await ask('/shop/orders', bearer(MEMBER))).status).toBe(404);
  });

  it('forgets a revoked key, an expired key and a removed list at once', async () => {
    expect((await ask('/shop/orders', bearer(shop.key))).status).toBe(200);
    const [key] = shop.accessList().keys;
    rig.sink.upsertAccess(shop.accessList({ keys: [{ ...key!, expiresAt: new Date(Date.now() - 1).toISOString() }] }));
    expect((await ask('/shop/orders', bearer(shop.key))).status).toBe(401);
    rig.sink.upsertAccess(shop.accessList());
    expect((await ask('/shop/orders', bearer(shop.key))).status).toBe(200);
    rig.sink.upsertAccess(shop.accessList({ keys: [] }));
    expect((await ask('/shop/orders', bearer(shop.key))).status).toBe(401);
    rig.sink.removeAccess(shop.id);
    expect((await ask('/shop/orders', bearer(shop.key))).status).toBe(401);
  });

  it('does not believe a key longer than it lives', async () => {
    const [key] = shop.accessList().keys;
    rig.sink.upsertAccess(shop.accessList({ keys: [{ ...key!, expiresAt: new Date(Date.now() + 300).toISOString() }] }));
    expect((await ask('/shop/orders', bearer(shop.key))).status).toBe(200);
    const end = Date.now() + 5000;
    let status = 200;
    while (status === 200 && Date.now() < end) status = (await ask('/shop/orders', bearer(shop.key))).status;
    expect(status).toBe(401);
  });

  it('takes both credentials of a key whose rotation overlaps, the older one until its end', async () => {
    const [older] = shop.accessList().keys;
    const rotated = new TestTenant('shop');
    const [newer] = rotated.accessList().keys;
    rig.sink.upsertAccess(shop.accessList({ keys: [newer!, { ...older!, expiresAt: new Date(Date.now() + 500).toISOString() }] }));
    expect((await ask('/shop/orders', bearer(rotated.key))).status).toBe(200);
    expect((await ask('/shop/orders', bearer(shop.key))).status).toBe(200);
    await until(async () => (await ask('/shop/orders', bearer(shop.key))).status === 401);
    expect((await ask('/shop/orders', bearer(rotated.key))).status).toBe(200);
  });

  it('refuses a suspended function to those who may see it', async () => {
    rig.sink.upsertFunction(shop.functionResource('orders', { suspension: 'ingress' }));
    expect(await (await ask('/shop/orders', bearer(shop.key))).json()).toMatchObject({ code: 'FUNCTION_SUSPENDED', status: 403 });
    expect((await ask('/shop/orders', bearer(bank.key))).status).toBe(404);
    rig.sink.upsertFunction(shop.functionResource('orders'));
    expect((await ask('/shop/orders', bearer(shop.key))).status).toBe(200);
  });

  describe('internal tokens', () => {
    const sign = (changes: { secret?: string; tenantId?: string; method?: string; target?: string; expiresAt?: number } = {}): Record<string, string> => ({
      'x-fnplane-internal': new InternalTokenSigner(changes.secret ?? rig.secret).sign(
        { tenantId: changes.tenantId ?? shop.id, principal: 'user:ada', expiresAt: changes.expiresAt ?? Date.now() + 30_000 }, changes.method ?? 'GET', changes.target ?? '/shop/orders/a?b=c',
      ),
    });
    const tampered = (): Record<string, string> => {
      const [version, , signature] = sign()['x-fnplane-internal']!.split('.');
      return { 'x-fnplane-internal': `${version}.${Buffer.from(JSON.stringify([bank.id, 'user:eve', Date.now() + 30_000])).toString('base64url')}.${signature}` };
    };

    it('lets the platform in, and shows the function nothing of it', async () => {
      expect((await ask('/shop/orders/a?b=c', sign())).status).toBe(200);
      expect(pod.requests[0]!.url).toBe('/a?b=c');
      expect(Object.keys(pod.requests[0]!.headers)).not.toContain('x-fnplane-internal');
    });

    it.each([
      ['forged', () => sign({ secret: 'another secret of at least 32 characters' })],
      ['expired', () => sign({ expiresAt: Date.now() - 1 })],
      ['too long-lived', () => sign({ expiresAt: Date.now() + 3_600_000 })],
      ['for another path', () => sign({ target: '/shop/orders/a?b=d' })],
      ['for another method', () => sign({ method: 'POST' })],
      ['for another tenant', () => sign({ tenantId: bank.id })],
      ['tampered with', tampered],
      ['garbage', () => ({ 'x-fnplane-internal': 'v1.x.y' })],
      ['forged beside a good key', () => ({ ...sign({ secret: 'another secret of at least 32 characters' }), authorization: `Bearer ${shop.key}` })],
    ])('%s -> 401', async (_name, headers) => {
      expect((await ask('/shop/orders/a?b=c', headers())).status).toBe(401);
      expect(pod.requests.length).toBe(0);
    });

    it('carries the deadline of the platform\'s caller, never that of anybody else', async () => {
      const soon = Date.now() + 1000;
      await ask('/shop/orders/a?b=c', { ...sign(), 'x-fnplane-deadline': String(soon) });
      await ask('/shop/orders/a?b=c', { authorization: `Bearer ${shop.key}`, 'x-fnplane-deadline': String(soon) });
      const [internal, other] = pod.requests.map(({ headers }) => Number(headers['x-fnplane-deadline']));
      expect(internal).toBe(soon);
      expect(other).toBeGreaterThan(Date.now() + 3000);
    });
  });
});
