import { BoundedCache } from '../caching/bounded-cache.js';
import { DomainError } from '../errors/domain-error.js';
import type { OutboundClient } from '../outbound/outbound-client.js';
import { verifyClaims } from './jose-strategy.js';
import { publishedKeys } from './key-document.js';
import { KEY_TIMES, PublishedKeys } from './published-keys.js';
import { readClaims } from './token-claims.policy.js';
import { MAX_TOKEN_LENGTH, unverifiedIssuer } from './token-verifier.js';
import { unauthenticated } from './unauthenticated.js';

/** Whose tokens are believed, by whoever asks for them. */
export interface ExpectedIssuer {
  /** Exact `iss`. */
  issuer: string;
  /** One of them must be in `aud`. */
  audiences: readonly string[];
  /** Where its keys are; its discovery document says so when absent. */
  jwksUri?: string;
}

interface Issuer {
  keys: PublishedKeys;
  /** Tokens that wait for it: one that does not answer must not take the room of the others. */
  pending: number;
}

interface Remembered {
  claims: Readonly<Record<string, unknown>>;
  issuer: Issuer;
  version: number;
}

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
const MOST_ISSUERS = 1_000;
const MOST_PENDING = 64;
/** Asked anew after it: where it is found is not believed for ever. */
const ISSUER_TTL_MS = 60 * 60_000;
const MOST_TOKENS = 10_000;
const TOKEN_TTL_MS = 60_000;
const KEYS_TIMEOUT_MS = 5_000;
const MOST_KEYS_BYTES = 256 * 1024;
const RETRY_SECONDS = 5;

/**
 * Verifies tokens of issuers that tenants name: what is fetched of them goes the way of all addresses that tenants name, so that none leads inside.
 * Two tenants that name the same issuer share its keys and nothing else: audiences are the asker's.
 */
export class IssuerTokens {
  private readonly issuers = new BoundedCache<string, Issuer>(MOST_ISSUERS, ISSUER_TTL_MS);
  private readonly verified = new BoundedCache<string, Remembered>(MOST_TOKENS, TOKEN_TTL_MS);

  constructor(
    private readonly client: Pick<OutboundClient, 'send'>,
    private readonly times = KEY_TIMES,
  ) {}

  /**
   * @returns the token's claims; it is good at this moment.
   * @throws {DomainError} UNAUTHENTICATED for every token that is not good; IDENTITY_PROVIDER_UNAVAILABLE where that cannot be told now.
   */
  async verify(token: string, expected: ExpectedIssuer): Promise<Readonly<Record<string, unknown>>> {
    const key = JSON.stringify([expected.issuer, expected.jwksUri, expected.audiences, token]);
    const known = this.verified.get(key);
    if (known) {
      await known.issuer.keys.refresh();
      if (known.version === known.issuer.keys.version) return known.claims;
    }
    // Nobody is asked for the keys of a token that says itself that it is another's.
    if (token.length > MAX_TOKEN_LENGTH || unverifiedIssuer(token) !== expected.issuer) throw unauthenticated();
    const issuer = this.issuerOf(expected);
    if (issuer.pending >= MOST_PENDING) throw new DomainError('unavailable', 'IDENTITY_PROVIDER_UNAVAILABLE', 'Too many tokens wait for the keys of their issuer; try again.', { retryAfterSeconds: RETRY_SECONDS });
    issuer.pending += 1;
    try {
      await issuer.keys.refresh();
      const { version } = issuer.keys;
      const claims = await verifyClaims(token, issuer.keys.find, { algorithms: ALGORITHMS, issuer: expected.issuer, audience: [...expected.audiences] }).catch((problem: unknown) => {
        throw problem instanceof DomainError ? problem : unauthenticated(problem);
      });
      const read = readClaims(claims, { issuer: expected.issuer });
      if (!read || read.expiresAt <= Date.now()) throw unauthenticated();
      this.verified.set(key, { claims, issuer, version }, read.expiresAt);
      return claims;
    } finally {
      issuer.pending -= 1;
    }
  }

  private issuerOf({ issuer, jwksUri }: ExpectedIssuer): Issuer {
    const key = JSON.stringify([issuer, jwksUri]);
    const known = this.issuers.get(key);
    if (known) return known;
    const made = { keys: new PublishedKeys(issuer, publishedKeys({ issuer, ...(jwksUri === undefined ? {} : { jwksUri }) }, (url) => this.read(url)), this.times), pending: 0 };
    this.issuers.set(key, made);
    return made;
  }

  private async read(url: string): Promise<unknown> {
    const { status, body } = await this.client.send({ url, method: 'GET', headers: { accept: 'application/json' }, timeoutMs: KEYS_TIMEOUT_MS, limit: MOST_KEYS_BYTES });
    if (status !== 200) throw new Error(`${url} answered ${status}`);
    try {
      return JSON.parse(body.toString('utf8')) as unknown;
    } catch (cause) {
      throw new Error(`${url} did not answer JSON`, { cause });
    }
  }
}
