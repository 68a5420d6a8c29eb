import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type TestApi } from '../support/api.js';
import { KeyServer } from '../support/key-server.js';
import { attackedIssuer, issuedToken, keySet, tokenAttacks, type AttackedIssuer } from '../support/token-attacks.js';

const LONGEST_WAIT_BETWEEN_KEYS_MS = 5_000;

describe('tokens that are not good', () => {
  const trap = new KeyServer();
  const keys = new KeyServer();
  let api: TestApi;
  let rsa: AttackedIssuer;
  let ec: AttackedIssuer;
  beforeAll(async () => {
    await Promise.all([trap.start(), keys.start()]);
    rsa = attackedIssuer('RS256', `${keys.url}/jwks`);
    ec = attackedIssuer('ES256');
    keys.answer = () => keySet(rsa);
    api = await startApi({ FNPLANE_ISSUERS: JSON.stringify([rsa.settings, ec.settings]) });
  });
  afterAll(async () => {
    await api.stop();
    await Promise.all([trap.stop(), keys.stop()]);
  });

  const ask = (token: string) => Promise.all([api.client(token).get('/v1/me'), api.client(token).graphql('{ viewer { subject } }')]);

  it('are refused in REST and GraphQL alike, and make the platform ask nobody', async () => {
    const began = Date.now();
    const attacks = await tokenAttacks(rsa, ec, trap.url);
    expect(attacks.length).toBeGreaterThan(120);
    const wrong: unknown[] = [];
    for (const [name, token] of attacks) {
      const [rest, graphql] = await ask(token);
      const seen = [rest.status, rest.body.code, graphql.status, graphql.body.errors?.[0]?.extensions?.code, 'data' in graphql.body];
      if (JSON.stringify(seen) !== JSON.stringify([401, 'UNAUTHENTICATED', 401, 'UNAUTHENTICATED', false])) wrong.push([name, ...seen]);
      if (rest.headers.get('www-authenticate') !== 'Bearer realm="fnplane"' || graphql.headers.get('www-authenticate') !== 'Bearer realm="fnplane"') wrong.push([name, 'www-authenticate']);
    }
    expect(wrong).toEqual([]);
    expect(trap.requests).toEqual([]);
    expect(keys.requests.length).toBeLessThanOrEqual(1 + Math.ceil((Date.now() - began) / LONGEST_WAIT_BETWEEN_KEYS_MS));
  });

  it('are told from good ones by nothing but what makes them bad', async () => {
    const hints = { jku: `${trap.url}/jku`, x5u: `${trap.url}/x5u`, x5c: ['AAAA'], jwk: { kty: 'RSA' }, typ: 'at+jwt' };
    for (const token of [issuedToken(rsa), issuedToken(ec), issuedToken(rsa, { aud: ['other', rsa.settings.audience] }), issuedToken(rsa, {}, hints), issuedToken(ec, {}, { kid: undefined })]) {
      const [rest, graphql] = await ask(token);
      expect([rest.status, rest.body.subject, graphql.status, graphql.body.data?.viewer?.subject]).toEqual([200, 'somebody', 200, 'somebody']);
    }
    expect(trap.requests).toEqual([]);
  });

  it('are not made good by a good one beside them', async () => {
    const two = (first: string, second: string): Promise<number> => new Promise((resolve, reject) => {
      const { host, port, hostname } = new URL(api.url);
      httpRequest({ hostname, port, path: '/v1/me', headers: ['Host', host, 'Authorization', `Bearer ${first}`, 'authorization', `Bearer ${second}`] as never }, (answer) => resolve(answer.resume().statusCode!)).once('error', reject).end();
    });
    const good = issuedToken(ec);
    const bad = issuedToken(ec, { aud: 'other' });
    expect(await Promise.all([two(good, bad), two(bad, good), two(good, good)])).toEqual([401, 401, 401]);
  });

  it('leave nothing of themselves in the answer', async () => {
    const token = issuedToken(rsa, { sub: 'canary-subject', exp: 1 });
    for (const answer of await ask(token)) expect(JSON.stringify(answer.body)).not.toMatch(/canary|expired|exp|eyJ/);
  });
});
