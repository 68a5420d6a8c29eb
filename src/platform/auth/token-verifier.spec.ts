import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SignJWT, type JWTPayload } from 'jose';
import { Strategy } from 'passport-jwt';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../../../test/support/eventually.js';
import { KeyServer } from '../../../test/support/key-server.js';
import type { TrustedIssuer } from '../config/config.js';
import { TokenVerifier } from './token-verifier.js';

const AUDIENCE = 'verifier-tests';

interface Key {
  privateKey: KeyObject;
  jwk: Record<string, unknown>;
  kid: string;
  alg: string;
}

let made = 0;

function newKey(alg = 'ES256'): Key {
  const { privateKey, publicKey } = /^[RP]S/.test(alg) ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : alg.startsWith('Ed') ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[alg]! });
  const kid = `k${(made += 1)}`;
  return { privateKey, kid, alg, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' } };
}

describe('the token verifier', () => {
  const server = new KeyServer();
  let keys: Key[];
  beforeEach(async () => {
    keys = [newKey()];
    server.handle = undefined;
    server.answer = (path) => (path === '/jwks' ? { keys: keys.map(({ jwk }) => jwk) } : path === '/.well-known/openid-configuration' ? { issuer: server.url, jwks_uri: `${server.url}/jwks` } : undefined);
    await server.start();
    server.requests.length = 0;
  });
  afterEach(async () => {
    vi.useRealTimers();
    await server.stop();
  });

  const issuer = (changes: Partial<TrustedIssuer> = {}): TrustedIssuer => ({ issuer: server.url, audience: AUDIENCE, jwksUri: `${server.url}/jwks`, algorithms: ['ES256'], ...changes });
  const mint = (key: Key, claims: JWTPayload = {}, expires: number | string = '10m') => new SignJWT({ ...claims }).setProtectedHeader({ alg: key.alg, kid: key.kid })
    .setIssuer(server.url).setAudience(AUDIENCE).setSubject(claims.sub ?? 'ada').setExpirationTime(expires).sign(key.privateKey);

  describe('finds the keys', () => {
    it.each(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const)('of issuers that sign with %s', async (alg) => {
      const key = newKey(alg);
      const settings = issuer({ jwksUri: undefined, jwks: { keys: [key.jwk] }, algorithms: [alg] });
      expect(await new TokenVerifier([settings]).verify(await mint(key))).toMatchObject({ issuer: server.url, subject: 'ada' });
      await expect(new TokenVerifier([{ ...settings, algorithms: [alg === 'ES256' ? 'ES384' : 'ES256'] }]).verify(await mint(key))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    });

    it('by discovery', async () => {
      const verifier = new TokenVerifier([issuer({ jwksUri: undefined, discovery: true })]);
      expect((await verifier.verify(await mint(keys[0]!))).subject).toBe('ada');
      expect(server.requests).toEqual(['/.well-known/openid-configuration', '/jwks']);
    });

    it.each([
      ['of another issuer', () => ({ issuer: `${server.url}/`, jwks_uri: `${server.url}/jwks` })],
      ['without an issuer', () => ({ jwks_uri: `${server.url}/jwks` })],
      ['without keys', () => ({ issuer: server.url })],
      ['with keys that are no address', () => ({ issuer: server.url, jwks_uri: 'jwks' })],
      ['with keys in a file', () => ({ issuer: server.url, jwks_uri: 'file:///etc/passwd' })],
      ['that is no object', () => null],
    ])('never by a discovery document %s', async (_name, document) => {
      const answer = server.answer;
      server.answer = (path) => (path.startsWith('/.well-known') ? document() : answer(path));
      await expect(new TokenVerifier([issuer({ jwksUri: undefined, discovery: true })]).verify(await mint(keys[0]!))).rejects.toMatchObject({ kind: 'unavailable', code: 'IDENTITY_PROVIDER_UNAVAILABLE' });
      expect(server.requests).toEqual(['/.well-known/openid-configuration']);
    });

    it.each([
      ['redirects', (path: string) => (path === '/jwks' ? { status: 302, headers: { location: '/elsewhere' }, body: '' } : undefined)],
      ['an error', () => ({ status: 500, headers: {}, body: '{"keys":[]}' })],
      ['more than a key set can be', () => ({ status: 200, headers: {}, body: `{"keys":[],"x":"${'x'.repeat(300_000)}"}` })],
      ['something that is not JSON', () => ({ status: 200, headers: {}, body: '<html>' })],
      ['something that is no key set', () => ({ status: 200, headers: {}, body: '{"keys":{}}' })],
    ])('but not where the issuer answers %s', async (_name, answer) => {
      server.handle = (request, response) => {
        const { status, headers, body } = answer(request.url!) ?? { status: 200, headers: {}, body: JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }) };
        response.writeHead(status, headers).end(body);
      };
      await expect(new TokenVerifier([issuer()]).verify(await mint(keys[0]!))).rejects.toMatchObject({ kind: 'unavailable', retryAfterSeconds: expect.any(Number) as number });
      expect(server.requests).toEqual(['/jwks']);
    });
  });

  describe('follows the keys', () => {
    it('that are new at once, and forgets those that are gone with them', async () => {
      const verifier = new TokenVerifier([issuer()], { maxAgeMs: 60_000, cooldownMs: 0 });
      const before = await mint(keys[0]!);
      await verifier.verify(before);
      keys = [newKey()];
      expect((await verifier.verify(await mint(keys[0]!))).subject).toBe('ada');
      await expect(verifier.verify(before)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    });

    it('that are gone within the time it keeps them, even for tokens it knows and after a long silence', async () => {
      vi.useFakeTimers({ toFake: ['performance'] });
      const verifier = new TokenVerifier([issuer()]);
      const token = await mint(keys[0]!);
      await verifier.verify(token);
      keys = [newKey()];
      vi.advanceTimersByTime(60_000);
      await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    });

    it('beside the requests while they come steadily', async () => {
      const verifier = new TokenVerifier([issuer()], { maxAgeMs: 2_000, cooldownMs: 0 });
      const token = await mint(keys[0]!);
      await verifier.verify(token);
      await eventually(async () => {
        const began = performance.now();
        await verifier.verify(token);
        expect(server.requests.length).toBeGreaterThan(1);
        expect(performance.now() - began).toBeLessThan(1_000);
      }, { withinMs: 1_900, everyMs: 20 });
    });

    it('with one request in the given time, however many unknown keys are named', async () => {
      const verifier = new TokenVerifier([issuer()], { maxAgeMs: 60_000, cooldownMs: 60_000 });
      const forged = await Promise.all(Array.from({ length: 50 }, () => mint(newKey())));
      const answers = await Promise.allSettled(forged.map((token) => verifier.verify(token)));
      expect(answers.every((answer) => answer.status === 'rejected' && (answer.reason as { code: string }).code === 'UNAUTHENTICATED')).toBe(true);
      expect(server.requests).toEqual(['/jwks']);
    });

    it('asks nobody about a key that is known and does not fit', async () => {
      const verifier = new TokenVerifier([issuer({ algorithms: ['ES256', 'RS256'] })], { maxAgeMs: 60_000, cooldownMs: 0 });
      await verifier.verify(await mint(keys[0]!));
      await expect(verifier.verify(await mint({ ...newKey('RS256'), kid: keys[0]!.kid }))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
      expect(server.requests).toEqual(['/jwks']);
    });
  });

  describe('while the issuer is away', () => {
    it('believes the keys it knows and says of others that it cannot tell', async () => {
      vi.useFakeTimers({ toFake: ['performance'] });
      const verifier = new TokenVerifier([issuer()], { maxAgeMs: 50, cooldownMs: 20 });
      const token = await mint(keys[0]!);
      await verifier.verify(token);
      await server.stop();
      vi.advanceTimersByTime(100);
      for (let index = 0; index < 5; index += 1) {
        expect((await verifier.verify(token)).subject).toBe('ada');
        expect((await verifier.verify(await mint(keys[0]!, { sub: `new-${index}` }))).subject).toBe(`new-${index}`);
        await expect(verifier.verify(await mint(newKey()))).rejects.toMatchObject({ kind: 'unavailable', code: 'IDENTITY_PROVIDER_UNAVAILABLE' });
      }
      keys.push(newKey());
      await server.start();
      vi.useRealTimers();
      await eventually(async () => expect((await verifier.verify(await mint(keys[1]!))).subject).toBe('ada'), { withinMs: 2_000, everyMs: 20 });
    });

    it('does not make every request wait for it', async () => {
      server.handle = () => undefined;
      const verifier = new TokenVerifier([issuer()], { maxAgeMs: 50, cooldownMs: 60_000 });
      const waiting = verifier.verify(await mint(keys[0]!)).catch((error: unknown) => error);
      await eventually(async () => expect(server.requests.length).toBe(1), { withinMs: 2_000, everyMs: 5 });
      await server.stop();
      expect(await waiting).toMatchObject({ kind: 'unavailable' });
      const began = performance.now();
      const error = await verifier.verify(await mint(keys[0]!)).catch((reason: unknown) => reason) as { retryAfterSeconds: number };
      expect(error).toMatchObject({ kind: 'unavailable' });
      expect(error.retryAfterSeconds).toBeGreaterThan(30);
      expect(performance.now() - began).toBeLessThan(1_000);
    });

    it('still refuses what no answer could make good', async () => {
      await server.stop();
      const verifier = new TokenVerifier([issuer()]);
      await expect(verifier.verify(await mint(newKey('RS256')))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    });
  });

  describe('remembers', () => {
    it('what it verified, without looking at the signature again', async () => {
      const verifier = new TokenVerifier([issuer()]);
      const token = await mint(keys[0]!);
      const first = await verifier.verify(token);
      const checks = vi.spyOn(Strategy as unknown as { JwtVerifier: () => void }, 'JwtVerifier');
      for (let index = 0; index < 100; index += 1) expect(await verifier.verify(token)).toBe(first);
      expect(checks).not.toHaveBeenCalled();
      await verifier.verify(await mint(keys[0]!, { sub: 'bob' }));
      expect(checks).toHaveBeenCalledOnce();
      checks.mockRestore();
    });

    it('nothing beyond the end of the token', async () => {
      const verifier = new TokenVerifier([issuer()]);
      const end = Math.floor(Date.now() / 1000) + 2;
      const token = await mint(keys[0]!, {}, end);
      await verifier.verify(token);
      await eventually(() => expect(verifier.verify(token)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' }), { withinMs: 4_000, everyMs: 10 });
      expect(Date.now()).toBeGreaterThanOrEqual(end * 1000);
    });
  });

  it('lets clocks differ by half a minute where a token begins', async () => {
    const verifier = new TokenVerifier([issuer()]);
    const now = Math.floor(Date.now() / 1000);
    expect((await verifier.verify(await mint(keys[0]!, { nbf: now + 20 }))).subject).toBe('ada');
    await expect(verifier.verify(await mint(keys[0]!, { nbf: now + 60 }))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});
