import type { AccessList } from '../../contract/access-list.js';
import { MinuteWindow } from './minute-window.js';
import { TokenBucket } from './token-bucket.js';

/** A tenant's limits as its quota states them; absent ones are without bound. */
export type StatedLimits = Pick<AccessList, 'rateLimit' | 'invocations'>;

/** Why a request has to wait, with the tenant's own figure. */
export interface Shortage {
  limit: 'second' | 'minute' | 'concurrent';
  allowed: number;
  waitMs: number;
}

/** Somebody's answer frees a place: nobody knows when. */
const CONCURRENCY_WAIT_MS = 1000;

/**
 * What a tenant may invoke over all its functions. Exact in one gateway. Gateways do not talk to each other: where several
 * share a tenant's requests, each admits its part, rounded up, so that together they admit at most `gateways - 1` more.
 */
export class TenantLimits {
  /** Admitted and not yet answered. */
  inFlight = 0;
  private stated: StatedLimits;
  private concurrent: number;
  private readonly second: TokenBucket;
  private readonly minute: MinuteWindow;

  /** @param gateways how many share the tenant's limits */
  constructor(stated: StatedLimits, private readonly gateways: number, nowMs: number) {
    this.stated = stated;
    this.second = new TokenBucket(stated.rateLimit.perSecond / gateways, this.part(stated.rateLimit.burst), nowMs);
    this.minute = new MinuteWindow(this.part(stated.invocations?.perMinute));
    this.concurrent = this.part(stated.invocations?.concurrent);
  }

  /** Other limits do not forget what was admitted under the ones before. */
  configure(stated: StatedLimits): void {
    this.stated = stated;
    this.second.configure(stated.rateLimit.perSecond / this.gateways, this.part(stated.rateLimit.burst));
    this.minute.configure(this.part(stated.invocations?.perMinute));
    this.concurrent = this.part(stated.invocations?.concurrent);
  }

  /** What one more request would be beyond; where it is beyond nothing, one of the second's is taken. */
  shortage(nowMs: number): Shortage | undefined {
    if (this.inFlight >= this.concurrent) return { limit: 'concurrent', allowed: this.stated.invocations!.concurrent, waitMs: CONCURRENCY_WAIT_MS };
    const minuteMs = this.minute.waitMs(nowMs);
    if (minuteMs > 0) return { limit: 'minute', allowed: this.stated.invocations!.perMinute, waitMs: minuteMs };
    const secondMs = this.second.take(nowMs);
    return secondMs > 0 ? { limit: 'second', allowed: this.stated.rateLimit.perSecond, waitMs: secondMs } : undefined;
  }

  /** The request is under way until {@link leave}. Only after {@link shortage} found none. */
  enter(): void {
    this.minute.count();
    this.inFlight++;
  }

  leave(): void {
    this.inFlight--;
  }

  private part(limit: number | undefined): number {
    return limit === undefined ? Number.POSITIVE_INFINITY : Math.ceil(limit / this.gateways);
  }
}
