import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { DomainError } from '../errors/domain-error.js';
import { partLogger } from '../observability/logger.js';
import type { IssuerKeys } from './issuer-keys.js';
import type { KeyDocument } from './key-document.js';

const log = partLogger('auth');

export interface KeyTimes {
  /** A key taken away by its issuer is noticed at most this late, as long as the issuer answers. */
  maxAgeMs: number;
  /** Least time between two requests to an issuer, so that forged key ids cause no flood; doubled with each failure. */
  cooldownMs: number;
}

export const KEY_TIMES: KeyTimes = { maxAgeMs: 60_000, cooldownMs: 5_000 };
const MOST_DOUBLINGS = 2;

/**
 * Keys that their issuer publishes, read again as they age and when a token names one that is not known yet. While the
 * issuer does not answer, the keys that are known go on being believed, and what they cannot decide is `unavailable`.
 */
export class PublishedKeys implements IssuerKeys {
  version = 0;
  private known: ReturnType<typeof createLocalJWKSet> | undefined;
  private ids = new Set<unknown>();
  private text = '';
  private loadedAt = Number.NEGATIVE_INFINITY;
  private nextAttemptAt = Number.NEGATIVE_INFINITY;
  private failures = 0;
  private failure: unknown;
  private underWay: Promise<void> | undefined;

  constructor(
    private readonly issuer: string,
    private readonly document: KeyDocument,
    private readonly times: KeyTimes = KEY_TIMES,
  ) {}

  /** Half-way through their time keys are read again beside the requests, so that in a steady flow nobody waits. */
  refresh(): Promise<void> | undefined {
    const age = performance.now() - this.loadedAt;
    if (age < this.times.maxAgeMs / 2) return undefined;
    const answered = this.failures === 0;
    const attempt = this.attempt();
    return age >= this.times.maxAgeMs && answered ? attempt : undefined;
  }

  readonly find: JWTVerifyGetKey = async (header, token) => {
    if (this.known && (this.ids.has(header.kid) || !(await this.missing(header, token)))) return this.known(header, token);
    await this.attempt();
    if (this.failures > 0 || !this.known) throw this.unavailable();
    return this.known(header, token);
  };

  private async missing(...asked: Parameters<JWTVerifyGetKey>): Promise<boolean> {
    return this.known!(...asked).then(() => false, (error: unknown) => error instanceof errors.JWKSNoMatchingKey);
  }

  /** The request that is under way, or a new one where there may be one. */
  private attempt(): Promise<void> | undefined {
    return this.underWay ?? (performance.now() >= this.nextAttemptAt ? this.load() : undefined);
  }

  private load(): Promise<void> {
    this.underWay = this.document().then((set) => this.take(set)).then(
      () => {
        if (this.failures > 0) log.info({ issuer: this.issuer }, 'the keys of a token issuer can be read again');
        this.failures = 0;
        this.failure = undefined;
      },
      (error: unknown) => {
        this.failures += 1;
        this.failure = error;
        if (this.failures === 1) log.warn({ err: error, issuer: this.issuer }, 'the keys of a token issuer cannot be read');
      },
    ).finally(() => {
      this.underWay = undefined;
      this.nextAttemptAt = performance.now() + this.times.cooldownMs * 2 ** Math.min(Math.max(this.failures - 1, 0), MOST_DOUBLINGS);
    });
    return this.underWay;
  }

  private take(set: JSONWebKeySet): void {
    const known = createLocalJWKSet(set);
    const text = JSON.stringify(set.keys);
    if (text !== this.text) this.version += 1;
    this.text = text;
    this.known = known;
    this.ids = new Set(set.keys.map((key) => key.kid).filter((kid) => kid !== undefined));
    this.loadedAt = performance.now();
  }

  private unavailable(): DomainError {
    const retryAfterSeconds = Math.max(1, Math.ceil((this.nextAttemptAt - performance.now()) / 1000));
    return new DomainError('unavailable', 'IDENTITY_PROVIDER_UNAVAILABLE', 'The token cannot be checked because its issuer does not answer; try again.', { cause: this.failure, retryAfterSeconds });
  }
}
