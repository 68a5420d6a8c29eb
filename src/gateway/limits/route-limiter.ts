import type { RateSpec, TriggerLimitsSpec } from '../../contract/triggers.js';
import { BoundedCache } from '../../platform/caching/bounded-cache.js';
import { TokenBucket } from './token-bucket.js';

/** Why a request to a trigger's address has to wait, with the trigger's own figure. */
export interface RouteShortage {
  of: 'all' | 'caller';
  perSecond: number;
  waitMs: number;
}

/** Callers remembered of one trigger: who is forgotten starts with a full bucket. */
const MOST_CALLERS = 10_000;
/** Longer than any bucket takes to fill: a caller who was away this long is a new one. */
const REMEMBERED_MS = 600_000;

/** Requests per second at one trigger. Like a tenant's limits it is exact in one gateway, and shared out where there are several. */
export class RouteLimiter {
  private readonly all: TokenBucket | undefined;
  private readonly callers = new BoundedCache<string, TokenBucket>(MOST_CALLERS, REMEMBERED_MS);

  /** @param gateways how many share the trigger's requests */
  constructor(private readonly stated: TriggerLimitsSpec, private readonly gateways: number, nowMs: number) {
    this.all = stated.rate && this.bucketOf(stated.rate, nowMs);
  }

  /** Whether callers have to be told apart. */
  get knowsCallers(): boolean {
    return this.stated.callerRate !== undefined;
  }

  /**
   * What one more request would be beyond; where it is beyond nothing, one is taken. The caller's own bound comes first, so that
   * who asks too much takes nothing from the others.
   */
  shortage(caller: string | undefined, nowMs: number): RouteShortage | undefined {
    const { rate, callerRate } = this.stated;
    const own = callerRate && caller !== undefined ? this.callerBucket(caller, callerRate, nowMs).take(nowMs) : 0;
    if (own > 0) return { of: 'caller', perSecond: callerRate!.perSecond, waitMs: own };
    const all = this.all?.take(nowMs) ?? 0;
    return all > 0 ? { of: 'all', perSecond: rate!.perSecond, waitMs: all } : undefined;
  }

  private callerBucket(caller: string, rate: RateSpec, nowMs: number): TokenBucket {
    const bucket = this.callers.get(caller) ?? this.bucketOf(rate, nowMs);
    // Anew each time: who goes on asking is not forgotten.
    this.callers.delete(caller);
    this.callers.set(caller, bucket);
    return bucket;
  }

  private bucketOf({ perSecond, burst = perSecond }: RateSpec, nowMs: number): TokenBucket {
    return new TokenBucket(perSecond / this.gateways, Math.ceil(burst / this.gateways), nowMs);
  }
}
