import { setTimeout as pause } from 'node:timers/promises';
import { partLogger } from '../observability/logger.js';
import { drainedPause, LEASE_MS, leaseSize, refillsAhead } from './lease.policy.js';
import { LimitMetrics, type LimitName } from './limit-metrics.js';
import { LocalBucket } from './local-bucket.js';
import { tokensAt, waitFor, type Rate } from './rate.policy.js';
import type { Ask, Grant } from './shared-buckets.js';

const log = partLogger('limits');

/** Callers a process remembers; the one not seen for the longest is forgotten, with what is left of its lease. */
const MOST_CALLERS = 20_000;
/** A request waits so long for the shared bucket; then, and for the pause after it, the process's own bucket decides. */
const PATIENCE_MS = 250;
const ALONE_MS = 1_000;
const LONGEST_ALONE_MS = 8_000;
/** Leases one request may wait for, where others always take what comes. */
const MOST_TURNS = 5;
const CROWDED_MS = 100;

/** What one process knows of one caller. */
interface Caller {
  /** Leased and not yet spent. */
  tokens: number;
  leaseEnds: number;
  lastLease: number;
  leasedAt: number;
  asked: number;
  waiting: number;
  /** When the shared bucket is full, as it last said. */
  fullAt: number;
  /** The bucket is drained: not asked again before this. */
  notBefore: number;
  pending?: Promise<void>;
  alone?: LocalBucket;
}

export interface Standing {
  /** Whole tokens left, as far as this process knows. */
  remaining: number;
  /** Until the bucket is full. */
  resetSeconds: number;
}

export type Verdict = { admitted: true } | { admitted: false; waitMs: number };

const ADMITTED: Verdict = { admitted: true };

export interface BucketStore {
  take(key: string, rate: Rate, ask: Ask): Promise<Grant>;
}

/**
 * One kind of limit over all replicas. Tokens come from a shared bucket in leases and are spent here, so that most requests cost no
 * statement; each admitted request is backed by a token that was taken before, so that all replicas together never admit more than the
 * bucket gave. When the bucket cannot be asked in time, a bucket of this process decides alone: the limit then holds for each replica.
 */
export class RateLimiter {
  private readonly callers = new Map<string, Caller>();
  private readonly metrics: LimitMetrics;
  private aloneUntil = 0;
  private failures = 0;

  constructor(
    readonly name: LimitName,
    readonly rate: Rate,
    private readonly buckets: BucketStore,
    private readonly clock: () => number = Date.now,
  ) {
    this.metrics = new LimitMetrics(name);
  }

  /** Takes tokens for a request (a burst's worth at most): at once where the lease holds enough, otherwise after a statement. */
  take(key: string, tokens: number): Verdict | Promise<Verdict> {
    const caller = this.caller(key);
    const cost = Math.min(tokens, this.rate.burst);
    caller.asked += cost;
    const verdict = this.spend(caller, cost);
    if (!verdict) return this.wait(key, caller, cost);
    if (verdict.admitted && !caller.pending && refillsAhead(caller.tokens, caller.lastLease) && this.mayAsk(caller)) void this.lease(key, caller, 1);
    return this.counted(verdict);
  }

  standing(key: string): Standing {
    const caller = this.caller(key);
    const now = this.clock();
    const leased = caller.leaseEnds > now ? caller.tokens : 0;
    const there = this.aloneUntil > now && caller.alone ? caller.alone.tokens(now) : tokensAt(this.rate, caller.fullAt, now) + leased;
    const remaining = Math.max(0, Math.min(this.rate.burst, Math.floor(there)));
    return { remaining, resetSeconds: Math.ceil((this.rate.burst - remaining) / this.rate.perSecond) };
  }

  private caller(key: string): Caller {
    let caller = this.callers.get(key);
    if (caller) {
      // Where the map is far from full, order does not matter yet.
      if (this.callers.size < MOST_CALLERS / 2) return caller;
      this.callers.delete(key);
    } else {
      if (this.callers.size >= MOST_CALLERS) this.callers.delete(this.callers.keys().next().value!);
      caller = { tokens: 0, leaseEnds: 0, lastLease: 0, leasedAt: 0, asked: 0, waiting: 0, fullAt: 0, notBefore: 0 };
    }
    this.callers.set(key, caller);
    return caller;
  }

  /** Undefined: the shared bucket has to be asked first. */
  private spend(caller: Caller, cost: number): Verdict | undefined {
    const now = this.clock();
    if (caller.leaseEnds > now && caller.tokens >= cost) {
      caller.tokens -= cost;
      return ADMITTED;
    }
    if (this.aloneUntil > now) return this.spendAlone(caller, cost, now);
    if (caller.notBefore > now) return { admitted: false, waitMs: Math.max(caller.notBefore - now, waitFor(this.rate, cost, tokensAt(this.rate, caller.fullAt, now))) };
    return undefined;
  }

  private spendAlone(caller: Caller, cost: number, now: number): Verdict {
    caller.alone ??= new LocalBucket(this.rate);
    if (!caller.alone.take(cost, now)) return { admitted: false, waitMs: caller.alone.waitMs(cost, now) };
    this.metrics.alone.inc();
    return ADMITTED;
  }

  private async wait(key: string, caller: Caller, cost: number): Promise<Verdict> {
    caller.waiting += cost;
    try {
      for (let turn = 0; turn < MOST_TURNS; turn++) {
        await (caller.pending ?? this.lease(key, caller, cost));
        const verdict = this.spend(caller, cost);
        if (verdict) return this.counted(verdict);
      }
      return this.counted({ admitted: false, waitMs: CROWDED_MS });
    } finally {
      caller.waiting -= cost;
    }
  }

  private mayAsk(caller: Caller): boolean {
    const now = this.clock();
    return caller.notBefore <= now && this.aloneUntil <= now;
  }

  /** Never rejects: what goes wrong makes the process stand alone for a while. */
  private lease(key: string, caller: Caller, need: number): Promise<void> {
    const asked = this.clock();
    const want = Math.max(need, leaseSize(this.rate, { asked: caller.asked, elapsedMs: asked - caller.leasedAt, lastLease: caller.lastLease, waiting: caller.waiting }));
    const taking = this.buckets.take(key, this.rate, { need, want }).then((grant) => this.granted(caller, grant, { need, want }));
    const late = new AbortController();
    const pending = Promise.race([taking, pause(PATIENCE_MS, undefined, { signal: late.signal, ref: false }).then(() => this.standAlone('it did not answer in time'))])
      .catch((error: unknown) => this.standAlone(error))
      .finally(() => {
        late.abort();
        caller.pending = undefined;
      });
    // Its failure may come after the deadline, when nobody listens any more.
    taking.catch(() => undefined);
    caller.pending = pending;
    return pending;
  }

  private granted(caller: Caller, grant: Grant, { need, want }: Ask): void {
    const now = this.clock();
    caller.tokens = (caller.leaseEnds > now ? caller.tokens : 0) + grant.tokens;
    caller.fullAt = now + grant.fullInMs;
    if (grant.tokens > 0) {
      caller.leaseEnds = now + LEASE_MS;
      caller.lastLease = grant.tokens;
      caller.leasedAt = now;
      caller.asked = 0;
    }
    const drained = grant.tokens < want;
    caller.notBefore = drained ? now + drainedPause(waitFor(this.rate, need, tokensAt(this.rate, caller.fullAt, now))) : 0;
    this.failures = 0;
    (grant.tokens > 0 ? this.metrics.granted : this.metrics.empty).inc();
    this.metrics.tokens.inc(grant.tokens);
  }

  private standAlone(cause: unknown): void {
    const now = this.clock();
    if (this.aloneUntil <= now) log.warn({ err: cause, limit: this.name }, 'the shared rate limit cannot be asked: this process keeps to it alone');
    this.aloneUntil = now + Math.min(ALONE_MS * 2 ** this.failures, LONGEST_ALONE_MS);
    this.failures += 1;
    this.metrics.failed.inc();
  }

  private counted(verdict: Verdict): Verdict {
    (verdict.admitted ? this.metrics.admitted : this.metrics.refused).inc();
    return verdict;
  }
}
