import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../test/support/eventually.js';
import { KeyServer } from '../../test/support/key-server.js';
import { attackedIssuer, issuedToken, keySet, tokenAttacks, type AttackedIssuer } from '../../test/support/token-attacks.js';
import { TokenVerifier } from '../platform/auth/token-verifier.js';
import { GatewayRig, TestTenant, type TestPod } from './testing/gateway-rig.js';

describe('tokens at the gateway', () => {
  const rig = new GatewayRig();
  const shop = new TestTenant('shop');
  const trap = new KeyServer();
  const keys = new KeyServer();
  let pod: TestPod;
  let rsa: AttackedIssuer;
  let ec: AttackedIssuer;
  beforeAll(async () => {
    await Promise.all([trap.start(), keys.start()]);
    rsa = attackedIssuer('RS256', `${keys.url}/jwks`);
    ec = attackedIssuer('ES256');
    keys.answer = () => keySet(rsa);
    const verifier = new TokenVerifier([rsa.settings, ec.settings]);
    await rig.start({ verify: (token) => verifier.verify(token) });
    pod = await rig.pod();
    rig.deploy(shop, 'orders', [pod]);
    rig.sink.upsertAccess(shop.accessList({ members: [rsa, ec].map(({ settings }) => ({ issuer: settings.issuer, subject: 'somebody' })) }));
  });
  afterAll(async () => {
    await rig.stop();
    await Promise.all([trap.stop(), keys.stop()]);
  });

  const ask = (token: string) => fetch(`${rig.url}/shop/orders`, { headers: { authorization: `Bearer ${token}` } });

  it('that are not good let nobody in, and make it ask nobody', async () => {
    const wrong: unknown[] = [];
    for (const [name, token] of await tokenAttacks(rsa, ec, trap.url)) {
      const answer = await ask(token);
      const { code } = await answer.json() as { code: string };
      if (answer.status !== 401 || code !== 'CREDENTIAL_INVALID') wrong.push([name, answer.status, code]);
    }
    expect(wrong).toEqual([]);
    expect([trap.requests, pod.requests.length]).toEqual([[], 0]);
  });

  it('that are good do', async () => {
    for (const token of [issuedToken(rsa), issuedToken(ec), issuedToken(rsa, {}, { jku: `${trap.url}/jku` })]) expect((await ask(token)).status).toBe(200);
    expect(trap.requests).toEqual([]);
  });

  it('beside another are refused as ambiguous', async () => {
    const good = `Bearer ${issuedToken(ec)}`;
    const before = pod.requests.length;
    const status = await new Promise((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port: rig.port, path: '/shop/orders', headers: ['Host', 'x', 'Authorization', good, 'Authorization', good] as never }, (answer) => resolve(answer.resume().statusCode)).once('error', reject).end();
    });
    expect([status, pod.requests.length]).toEqual([400, before]);
  });

  it('stop working when they expire, verified before or not', async () => {
    const token = issuedToken(rsa, { exp: Math.floor(Date.now() / 1000) + 2 });
    expect((await ask(token)).status).toBe(200);
    await eventually(async () => expect((await ask(token)).status).toBe(401), { withinMs: 4_000, everyMs: 20 });
    expect(Date.now()).toBeLessThan((JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { exp: number }).exp * 1000 + 1_000);
  });

  it('of keys that are known go on working while their issuer is away; others are to come again later', async () => {
    const known = issuedToken(rsa, { jti: 'before' });
    expect((await ask(known)).status).toBe(200);
    await keys.stop();
    const unknown = issuedToken(rsa, {}, { kid: 'new' });
    const refused = await eventually(async () => {
      const answer = await ask(unknown);
      expect(answer.status).toBe(503);
      return answer;
    }, { withinMs: 8_000 });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await ask(known)).status).toBe(200);
    expect((await ask(issuedToken(rsa, { jti: 'after' }))).status).toBe(200);
    await keys.start();
  });
});
