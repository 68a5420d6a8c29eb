import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Config } from '../config/config.js';
import type { Principal } from '../context/context.js';
import { Database } from '../database/database.js';
import { DomainError } from '../errors/domain-error.js';
import { partLogger } from '../observability/logger.js';
import { CONFIG } from '../tokens.js';
import { CredentialLimiter } from './credential-limiter.js';
import type { LimitName } from './limit-metrics.js';
import { POLICY_HEADER, policyItem, STANDING_HEADER, standingItem } from './rate-headers.policy.js';
import { RateLimiter, type Verdict } from './rate-limiter.js';
import { retryAfterSeconds, type Rate } from './rate.policy.js';
import { SharedBuckets } from './shared-buckets.js';

const log = partLogger('limits');
const SWEEP_EVERY_MS = 300_000;

/** Where a request's standing is told: Fastify's reply. */
export interface AnswerHeaders {
  header(name: string, value: string): unknown;
}

/** What one request was charged for; kept with it. */
export interface Charges {
  answer?: AnswerHeaders;
  principal?: string;
  /** Tenants charged so far. */
  tenants: Set<string>;
}

const WHOSE: Record<Exclude<LimitName, 'address'>, string> = {
  principal: 'You send requests faster than your limit allows',
  tenant: 'This tenant\'s users together send requests faster than its limit allows',
};

/** The API's rate limits, as the guard and GraphQL apply them: one over each principal, one over each tenant, one over those who are neither. */
@Injectable()
export class RequestLimits implements OnModuleInit, OnModuleDestroy {
  readonly credentials: CredentialLimiter;
  private readonly buckets: SharedBuckets;
  private readonly principals: RateLimiter | undefined;
  private readonly tenants: RateLimiter | undefined;
  private readonly policy: Record<'principal' | 'both', string>;
  private timer: NodeJS.Timeout | undefined;

  constructor(@Inject(CONFIG) config: Config, database: Database) {
    this.buckets = new SharedBuckets(database);
    const limiter = (name: LimitName, rate: Rate | null): RateLimiter | undefined => (rate ? new RateLimiter(name, rate, this.buckets) : undefined);
    this.credentials = new CredentialLimiter(config.FNPLANE_API_UNAUTHENTICATED_RATE);
    this.principals = limiter('principal', config.FNPLANE_API_RATE);
    this.tenants = limiter('tenant', config.FNPLANE_API_TENANT_RATE);
    const items = (list: readonly (RateLimiter | undefined)[]): string => list.filter((item) => item !== undefined).map((item) => policyItem(item.name, item.rate)).join(', ');
    this.policy = { principal: items([this.principals]), both: items([this.principals, this.tenants]) };
  }

  onModuleInit(): void {
    if (!this.principals && !this.tenants) return;
    // Not all replicas at the same moment.
    this.timer = setInterval(() => void this.sweep(), SWEEP_EVERY_MS * (0.8 + 0.4 * Math.random())).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /**
   * Takes a request's tokens from its principal.
   * @returns a promise only where a statement was needed.
   * @throws {DomainError} RATE_LIMITED (also by the promise).
   */
  chargePrincipal(charges: Charges, principal: Principal, tokens = 1): void | Promise<void> {
    charges.principal = principal.key;
    if (!this.principals) return undefined;
    return this.charge(charges, this.principals, `principal:${principal.key}`, tokens);
  }

  /** As {@link chargePrincipal}, once for each tenant of a request. Those who run the platform do not use up its tenants' limits. */
  async chargeTenant(charges: Charges, principal: Principal, tenantId: string, tokens = 1): Promise<void> {
    if (!this.tenants || principal.platformRoles.length > 0 || charges.tenants.has(tenantId)) return;
    charges.tenants.add(tenantId);
    try {
      await this.charge(charges, this.tenants, `tenant:${tenantId}`, tokens);
    } catch (error) {
      charges.tenants.delete(tenantId);
      throw error;
    }
  }

  private charge(charges: Charges, limiter: RateLimiter, key: string, tokens: number): void | Promise<void> {
    const settle = (verdict: Verdict): void => {
      this.tell(charges, limiter === this.tenants ? key : undefined);
      if (!verdict.admitted) throw refusal(limiter.name, verdict.waitMs);
    };
    const verdict = limiter.take(key, tokens);
    return verdict instanceof Promise ? verdict.then(settle) : settle(verdict);
  }

  private tell(charges: Charges, tenantKey: string | undefined): void {
    if (!charges.answer) return;
    const items: string[] = [];
    if (this.principals && charges.principal !== undefined) items.push(standing(this.principals, `principal:${charges.principal}`));
    if (this.tenants && tenantKey !== undefined) items.push(standing(this.tenants, tenantKey));
    charges.answer.header(POLICY_HEADER, tenantKey === undefined ? this.policy.principal : this.policy.both);
    charges.answer.header(STANDING_HEADER, items.join(', '));
  }

  private async sweep(): Promise<void> {
    await this.buckets.sweep().catch((error: unknown) => log.warn({ err: error }, 'full rate buckets could not be swept; it is tried again later'));
  }
}

function standing(limiter: RateLimiter, key: string): string {
  const { remaining, resetSeconds } = limiter.standing(key);
  return standingItem(limiter.name, remaining, resetSeconds);
}

function refusal(limit: LimitName, waitMs: number): DomainError {
  const seconds = retryAfterSeconds(waitMs);
  return new DomainError('rate-limited', 'RATE_LIMITED', `${WHOSE[limit as keyof typeof WHOSE]}; try again in ${seconds} s.`, { retryAfterSeconds: seconds, details: { limit } });
}
