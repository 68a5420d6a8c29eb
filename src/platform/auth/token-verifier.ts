import type { Strategy } from 'passport-jwt';
import { BoundedCache } from '../caching/bounded-cache.js';
import type { TrustedIssuer } from '../config/config.js';
import type { IssuerKeys } from './issuer-keys.js';
import { authenticate, buildStrategy } from './jose-strategy.js';
import { publishedKeys } from './key-document.js';
import { KEY_TIMES, PublishedKeys } from './published-keys.js';
import { StaticKeys } from './static-keys.js';
import { readClaims, type VerifiedToken } from './token-claims.policy.js';
import { unauthenticated } from './unauthenticated.js';

export const MAX_TOKEN_LENGTH = 8 * 1024;
const CACHE_ENTRIES = 10_000;
const CACHE_TTL_MS = 60_000;

interface Trusted {
  settings: TrustedIssuer;
  keys: IssuerKeys;
  strategy: Strategy;
}

/** A token that was verified with this version of its issuer's keys. */
interface Remembered {
  token: VerifiedToken;
  keys: IssuerKeys;
  version: number;
}

/**
 * Verifies bearer tokens of the configured issuers. The algorithm, audience and key source come from configuration and never
 * from the token; tokens without `exp`, `aud` or `sub` are refused. A known token costs no signature check until it expires or
 * its issuer's keys change. Used by the API and by the gateway.
 */
export class TokenVerifier {
  private readonly issuers: Map<string, Trusted>;
  private readonly verified = new BoundedCache<string, Remembered>(CACHE_ENTRIES, CACHE_TTL_MS);

  constructor(issuers: readonly TrustedIssuer[], times = KEY_TIMES) {
    this.issuers = new Map(issuers.map((settings) => {
      const keys = settings.jwks ? new StaticKeys(settings.jwks) : new PublishedKeys(settings.issuer, publishedKeys(settings), times);
      return [settings.issuer, { settings, keys, strategy: buildStrategy(settings, keys.find) }];
    }));
  }

  /** @throws {DomainError} UNAUTHENTICATED for every token that is not good, without saying why; IDENTITY_PROVIDER_UNAVAILABLE where that cannot be told now. */
  async verify(token: string): Promise<VerifiedToken> {
    const known = this.verified.get(token);
    if (known) {
      await known.keys.refresh();
      if (known.version === known.keys.version && known.token.expiresAt > Date.now()) return known.token;
    }
    const trusted = token.length <= MAX_TOKEN_LENGTH ? this.issuers.get(unverifiedIssuer(token) ?? '') : undefined;
    if (!trusted) throw unauthenticated();
    return this.check(token, trusted);
  }

  private async check(token: string, { settings, keys, strategy }: Trusted): Promise<VerifiedToken> {
    await keys.refresh();
    const { version } = keys;
    const result = readClaims(await authenticate(strategy, token), settings);
    if (!result || result.expiresAt <= Date.now()) throw unauthenticated();
    this.verified.set(token, { token: result, keys, version }, result.expiresAt);
    return result;
  }
}

/** Chooses among the configured issuers only; the value is trusted no further until the signature has been checked with that issuer's key. */
export function unverifiedIssuer(token: string): string | undefined {
  const payload = token.split('.', 3)[1];
  if (!payload) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    const issuer = (claims as { iss?: unknown } | null)?.iss;
    return typeof issuer === 'string' ? issuer : undefined;
  } catch {
    return undefined;
  }
}
