import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../test/support/eventually.js';
import { KeyServer } from '../../test/support/key-server.js';
import { attackedIssuer, issuedToken, keySet, tokenAttacks, type AttackedIssuer } from '../../test/support/token-attacks.js';
import type { TriggerJwtSpec } from '../contract/triggers.js';
import { IssuerTokens } from '../platform/auth/issuer-tokens.js';
import { parseAddressRange } from '../platform/network/address-range.policy.js';
import { OutboundClient } from '../platform/outbound/outbound-client.js';
import { hostRequest } from './testing/host-request.js';
import { GatewayRig, TestTenant, type TestPod } from './testing/gateway-rig.js';

const HOST = 'shop.example';

describe('tokens of an issuer of the tenant\'s own', () => {
  const rig = new GatewayRig();
  const shop = new TestTenant('shop');
  const [keys, trap, login] = [new KeyServer(), new KeyServer(), new KeyServer()];
  const client = new OutboundClient({ allowed: [parseAddressRange('127.0.0.1/32')!], insecure: true });
  let pod: TestPod;
  let issuer: AttackedIssuer;
  let other: AttackedIssuer;
  let jwt: TriggerJwtSpec;

  beforeAll(async () => {
    await Promise.all([keys.start(), trap.start(), login.start()]);
    issuer = attackedIssuer('RS256', `${keys.url}/jwks`);
    other = attackedIssuer('ES256');
    keys.answer = () => keySet(issuer);
    const tokens = new IssuerTokens(client, { maxAgeMs: 60_000, cooldownMs: 50 });
    await rig.start({ verifyIssued: (token, expected) => tokens.verify(token, expected) });
    pod = await rig.pod();
    rig.sink.upsertAccess(shop.accessList());
    jwt = { issuer: issuer.settings.issuer, audiences: ['somebody else', issuer.settings.audience], jwksUri: `${keys.url}/jwks` };
  });
  beforeEach(() => {
    pod.requests.length = 0;
  });
  afterAll(async () => {
    await rig.stop();
    await Promise.all([keys.stop(), trap.stop(), login.stop(), client.close()]);
  });

  function deploy(changes: Partial<TriggerJwtSpec> = {}, more: object = {}): void {
    rig.deploy(shop, 'orders', [pod], { triggers: { http: [{ name: 'orders', host: HOST, path: { type: 'prefix', value: '/' }, authentication: 'jwt', jwt: { ...jwt, ...changes }, ...more }] } });
  }
  const ask = (token?: string, headers: Record<string, string> = {}) => hostRequest(rig.port, '/', { host: HOST, headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers } });
  const code = async (token?: string): Promise<unknown> => (await ask(token)).body.code;

  it('let callers in, and go on to the function', async () => {
    deploy();
    const token = issuedToken(issuer);
    expect([(await ask(token)).status, (await ask(token)).status]).toEqual([200, 200]);
    expect(pod.requests.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${token}`, `Bearer ${token}`]);
    expect(keys.requests).toEqual(['/jwks']);
  });

  it('that are not good let nobody in, and make it ask nobody', async () => {
    deploy();
    const wrong: unknown[] = [];
    for (const [name, token] of await tokenAttacks(issuer, other, trap.url)) {
      const answer = await ask(token);
      if (answer.status !== 401 || answer.body.code !== 'CREDENTIAL_INVALID') wrong.push([name, answer.status, answer.body.code]);
    }
    expect(wrong).toEqual([]);
    expect([trap.requests, pod.requests.length]).toEqual([[], 0]);
  });

  it('are the only way in: no key of the platform opens it, nor does a token of another issuer', async () => {
    deploy();
    expect(await code()).toBe('AUTHENTICATION_REQUIRED');
    expect((await ask(undefined, { 'x-api-key': shop.key })).body.code).toBe('AUTHENTICATION_REQUIRED');
    expect([await code(shop.key), await code(issuedToken(other))]).toEqual(['CREDENTIAL_INVALID', 'CREDENTIAL_INVALID']);
    expect(pod.requests).toEqual([]);
  });

  it('without the claims that are asked for are refused by name of the fault', async () => {
    deploy({ claims: [{ name: 'scope', values: ['orders:write'] }, { name: 'plan', values: ['gold', 'silver'] }] });
    const refused = await ask(issuedToken(issuer, { scope: 'orders:read', plan: 'gold' }));
    expect([refused.status, refused.body.code, refused.headers['www-authenticate']]).toEqual([403, 'TOKEN_CLAIMS_INSUFFICIENT', 'Bearer realm="fnplane", error="insufficient_scope"']);
    expect((await ask(issuedToken(issuer, { scope: 'orders:read orders:write', plan: 'silver' }))).status).toBe(200);
    // What is asked for is another list now: what was verified before is judged by it.
    const token = issuedToken(issuer, { plan: 'gold' });
    deploy({ claims: [{ name: 'plan', values: ['gold'] }] });
    expect((await ask(token)).status).toBe(200);
    deploy({ claims: [{ name: 'plan', values: ['silver'] }] });
    expect((await ask(token)).status).toBe(403);
  });

  it('of an audience that another address asks for let nobody in here', async () => {
    deploy();
    const token = issuedToken(issuer);
    expect((await ask(token)).status).toBe(200);
    deploy({ audiences: ['somebody else'] });
    expect(await code(token)).toBe('CREDENTIAL_INVALID');
  });

  it('are verified by the keys of the discovery document', async () => {
    const discovered = attackedIssuer('ES256');
    discovered.settings.issuer = login.url;
    login.answer = (path) => (path === '/.well-known/openid-configuration' ? { issuer: login.url, jwks_uri: `${login.url}/keys` } : keySet(discovered));
    rig.deploy(shop, 'orders', [pod], { triggers: { http: [{ name: 'orders', host: HOST, path: { type: 'prefix', value: '/' }, authentication: 'jwt', jwt: { issuer: login.url, audiences: [discovered.settings.audience] } }] } });
    expect((await ask(issuedToken(discovered))).status).toBe(200);
    expect(login.requests).toEqual(['/.well-known/openid-configuration', '/keys']);
  });

  it('cannot be told while their issuer does not answer or is an address that is closed', async () => {
    const silent = attackedIssuer('ES256');
    for (const jwksUri of ['https://169.254.169.254/keys', 'http://127.0.0.2:1/keys', `${trap.url}/keys`]) {
      deploy({ issuer: silent.settings.issuer, jwksUri });
      const answer = await ask(issuedToken(silent));
      expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([503, 'AUTHENTICATION_UNAVAILABLE', '5']);
    }
    // The trap is open and has no keys: it was asked, and by its own address alone.
    expect(trap.requests).toEqual(['/keys']);
    trap.requests.length = 0;
    trap.answer = () => keySet(silent);
    await eventually(async () => expect((await ask(issuedToken(silent))).status).toBe(200), { withinMs: 10_000 });
  });

  it('are asked for also where a resource says jwt and forgets whose', async () => {
    deploy({}, { jwt: undefined });
    expect(await code()).toBe('AUTHENTICATION_REQUIRED');
    expect(await code(issuedToken(issuer))).toBe('CREDENTIAL_INVALID');
    expect(pod.requests).toEqual([]);
  });

  it('are what each caller is told apart by', async () => {
    deploy({}, { limits: { callerRate: { perSecond: 1, burst: 1 } } });
    const [ada, bob] = [issuedToken(issuer, { sub: 'ada' }), issuedToken(issuer, { sub: 'bob' })];
    expect([(await ask(ada)).status, (await ask(ada)).status, (await ask(bob)).status]).toEqual([200, 429, 200]);
  });
});
