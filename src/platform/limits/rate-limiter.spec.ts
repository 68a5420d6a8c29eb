import { describe, expect, it } from 'vitest';
import { LocalBucket } from './local-bucket.js';
import { RateLimiter, type BucketStore, type Verdict } from './rate-limiter.js';
import type { Rate } from './rate.policy.js';

const RATE: Rate = { perSecond: 50, burst: 200 };

/** A shared bucket without a database: the same arithmetic, and faults when asked for. */
class FakeBuckets implements BucketStore {
  now = 1_000_000_000;
  statements = 0;
  fault: 'none' | 'fails' | 'hangs' = 'none';
  private readonly buckets = new Map<string, LocalBucket>();

  async take(key: string, rate: Rate, { need, want }: { need: number; want: number }): Promise<{ tokens: number; fullInMs: number }> {
    this.statements += 1;
    if (this.fault === 'fails') throw new Error('connection refused');
    if (this.fault === 'hangs') return new Promise(() => undefined);
    const bucket = this.buckets.get(key) ?? new LocalBucket(rate);
    this.buckets.set(key, bucket);
    const there = Math.floor(bucket.tokens(this.now) + 1e-6);
    const tokens = there >= need ? Math.min(want, there) : 0;
    bucket.take(tokens - 1e-9, this.now);
    return { tokens, fullInMs: ((rate.burst - bucket.tokens(this.now)) / rate.perSecond) * 1000 };
  }
}

function limiterOf(buckets: FakeBuckets, rate = RATE): RateLimiter {
  return new RateLimiter('principal', rate, buckets, () => buckets.now);
}

async function admitted(limiter: RateLimiter, requests: number, key = 'a', tokens = 1): Promise<number> {
  let count = 0;
  for (let i = 0; i < requests; i++) if ((await limiter.take(key, tokens)).admitted) count += 1;
  return count;
}

describe('a rate limiter', () => {
  it('admits the burst and no more, whoever of several processes is asked', async () => {
    const buckets = new FakeBuckets();
    const limiters = Array.from({ length: 4 }, () => limiterOf(buckets));
    let count = 0;
    for (let i = 0; i < 250; i++) for (const limiter of limiters) if ((await limiter.take('a', 1)).admitted) count += 1;
    expect(count).toBe(200);
  });

  it('asks seldom for a busy caller and never for one who is silent', async () => {
    const buckets = new FakeBuckets();
    const limiter = limiterOf(buckets, { perSecond: 1_000, burst: 2_000 });
    for (let i = 0; i < 5_000; i++) {
      buckets.now += 2;
      expect((await limiter.take('a', 1)).admitted).toBe(true);
    }
    expect(buckets.statements).toBeLessThan(5_000 / 50);
    const before = buckets.statements;
    buckets.now += 60_000;
    expect(buckets.statements).toBe(before);
  });

  it('answers from the lease without waiting', async () => {
    const buckets = new FakeBuckets();
    const limiter = limiterOf(buckets);
    await limiter.take('a', 1);
    expect(limiter.take('a', 1)).toEqual({ admitted: true });
    expect(buckets.statements).toBe(1);
  });

  it('does not ask an empty bucket for every request it refuses', async () => {
    const buckets = new FakeBuckets();
    const limiter = limiterOf(buckets);
    await admitted(limiter, 200);
    const before = buckets.statements;
    expect(await admitted(limiter, 1_000)).toBe(0);
    expect(buckets.statements - before).toBeLessThanOrEqual(2);
    const refused = await limiter.take('a', 1) as Extract<Verdict, { admitted: false }>;
    expect(refused.waitMs).toBeGreaterThan(0);
    buckets.now += 1_000;
    expect(await admitted(limiter, 1_000)).toBe(50);
  });

  it('lets concurrent requests of a new caller share leases', async () => {
    const buckets = new FakeBuckets();
    const limiter = limiterOf(buckets);
    const verdicts = await Promise.all(Array.from({ length: 150 }, () => limiter.take('a', 1)));
    expect(verdicts.filter((verdict) => verdict.admitted)).toHaveLength(150);
    expect(buckets.statements).toBeLessThanOrEqual(4);
  });

  it('takes several tokens at once or none, and a burst at most', async () => {
    const buckets = new FakeBuckets();
    const limiter = limiterOf(buckets);
    expect(await admitted(limiter, 3, 'a', 80)).toBe(2);
    expect(await admitted(limiter, 2, 'b', 10_000)).toBe(1);
  });

  it('keeps callers apart', async () => {
    const buckets = new FakeBuckets();
    const limiter = limiterOf(buckets);
    expect(await admitted(limiter, 300, 'a')).toBe(200);
    expect(await admitted(limiter, 300, 'b')).toBe(200);
  });

  it('tells what is left', async () => {
    const buckets = new FakeBuckets();
    const limiter = limiterOf(buckets);
    await admitted(limiter, 20);
    expect(limiter.standing('a').remaining).toBe(180);
    expect(limiter.standing('a').resetSeconds).toBe(1);
    await admitted(limiter, 500);
    expect(limiter.standing('a').remaining).toBe(0);
  });

  it('does not spend a lease that is over', async () => {
    const buckets = new FakeBuckets();
    const limiter = limiterOf(buckets);
    await limiter.take('a', 1);
    buckets.now += 5_000;
    await limiter.take('a', 1);
    expect(buckets.statements).toBe(2);
  });
});

describe('a rate limiter without its database', () => {
  it.each(['fails', 'hangs'] as const)('admits what the process alone may, where the database %s', async (fault) => {
    const buckets = new FakeBuckets();
    buckets.fault = fault;
    const limiter = limiterOf(buckets);
    expect(await admitted(limiter, 1_000)).toBe(200);
    // One attempt, and then the pause.
    expect(buckets.statements).toBe(1);
    buckets.now += 500;
    expect(await admitted(limiter, 1_000)).toBe(25);
    expect(limiter.standing('a').remaining).toBe(0);
  });

  it('asks again later, and less often the longer it fails', async () => {
    const buckets = new FakeBuckets();
    buckets.fault = 'fails';
    const limiter = limiterOf(buckets);
    for (let second = 0; second < 60; second++) {
      await limiter.take('a', 1);
      buckets.now += 1_000;
    }
    expect(buckets.statements).toBeLessThan(15);
    buckets.fault = 'none';
    buckets.now += 10_000;
    const before = buckets.statements;
    await limiter.take('a', 1);
    expect(buckets.statements).toBe(before + 1);
    expect(limiter.take('a', 1)).toEqual({ admitted: true });
  });
});
