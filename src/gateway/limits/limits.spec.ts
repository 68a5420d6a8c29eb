import { describe, expect, it } from 'vitest';
import { DeadlineSweeper } from './deadline-sweeper.js';
import { Expiring } from './expiring.js';
import { FairShare } from './fair-share.js';
import { MinuteWindow } from './minute-window.js';
import { TenantLimits } from './tenant-limits.js';
import { TokenBucket } from './token-bucket.js';

describe('TokenBucket', () => {
  it('admits the burst at once, then the rate', () => {
    const bucket = new TokenBucket(10, 5, 0);
    const admitted = (now: number, tries: number): number => Array.from({ length: tries }, () => bucket.take(now)).filter((wait) => wait === 0).length;
    expect(admitted(0, 20)).toBe(5);
    expect(bucket.take(0)).toBe(100);
    expect(admitted(1000, 20)).toBe(5); // ten refilled, five fit
    expect(admitted(1300, 20)).toBe(3);
  });

  it('opens no new burst when the rate changes', () => {
    const bucket = new TokenBucket(10, 5, 0);
    for (let i = 0; i < 5; i++) bucket.take(0);
    bucket.configure(100, 50);
    expect(bucket.take(0)).toBeGreaterThan(0);
    bucket.configure(0, 0);
    expect(bucket.take(10_000)).toBe(60_000);
  });
});

describe('MinuteWindow', () => {
  const admitted = (window: MinuteWindow, now: number, tries: number): number => {
    let count = 0;
    for (let i = 0; i < tries; i++) if (window.waitMs(now) === 0) { window.count(); count++; }
    return count;
  };

  it('admits no more in any 60 seconds, across the turn of a minute too', () => {
    const window = new MinuteWindow(100);
    const times: number[] = [];
    // Three and a half minutes with a try every 100 ms, begun in the middle of a minute, after a long time without any.
    for (let now = 1_234_567; now < 1_444_567; now += 100) for (let i = admitted(window, now, 3); i > 0; i--) times.push(now);
    const most = Math.max(...times.map((from) => times.filter((time) => time >= from && time < from + 60_000).length));
    expect(most).toBe(100);
    // A window a second longer than a minute: in 61 seconds as many as in 60.
    expect(times.length).toBe(400);
  });

  it('says when there is room again, and there is then, not before', () => {
    const window = new MinuteWindow(3);
    expect([admitted(window, 10_200, 2), admitted(window, 25_900, 2)]).toEqual([2, 1]);
    expect(window.waitMs(30_000)).toBe(41_000);
    expect([admitted(window, 70_999, 1), admitted(window, 71_000, 5)]).toEqual([0, 2]);
    expect(window.waitMs(71_000)).toBe(15_000);
  });

  it('counts what was admitted against other bounds too', () => {
    const window = new MinuteWindow(Number.POSITIVE_INFINITY);
    expect(admitted(window, 0, 500)).toBe(500);
    window.configure(10);
    expect(window.waitMs(60_000)).toBe(1_000);
    expect(admitted(window, 61_000, 20)).toBe(10);
    window.configure(0);
    expect([window.waitMs(200_000), admitted(window, 900_000, 1)]).toEqual([61_000, 0]);
  });
});

describe('TenantLimits', () => {
  const stated = { rateLimit: { perSecond: 100, burst: 100 }, invocations: { concurrent: 5, perMinute: 50 } };
  const enter = (limits: TenantLimits, now: number, tries: number): number => {
    let count = 0;
    for (let i = 0; i < tries; i++) if (!limits.shortage(now)) { limits.enter(); count++; }
    return count;
  };

  it('names the limit that one more would be beyond', () => {
    const limits = new TenantLimits(stated, 1, 0);
    expect(enter(limits, 0, 10)).toBe(5);
    expect(limits.shortage(0)).toMatchObject({ limit: 'concurrent', allowed: 5 });
    for (let i = 0; i < 5; i++) limits.leave();
    for (let i = 0; i < 45; i++) { expect(enter(limits, 0, 1)).toBe(1); limits.leave(); }
    expect(limits.shortage(0)).toEqual({ limit: 'minute', allowed: 50, waitMs: 61_000 });
    limits.configure({ ...stated, invocations: { concurrent: 5, perMinute: 1_000 } });
    for (let i = 0; i < 50; i++) { expect(enter(limits, 0, 1)).toBe(1); limits.leave(); }
    expect(limits.shortage(0)).toEqual({ limit: 'second', allowed: 100, waitMs: 10 });
  });

  it('admits its part where several gateways share a tenant, rounded up, and names the whole', () => {
    const parts = Array.from({ length: 3 }, () => new TenantLimits(stated, 3, 0));
    expect(parts.map((part) => enter(part, 0, 10))).toEqual([2, 2, 2]);
    expect(parts[0]!.shortage(0)).toMatchObject({ allowed: 5 });
  });

  it('bounds nothing that the list does not state', () => {
    const limits = new TenantLimits({ rateLimit: { perSecond: 1_000, burst: 1_000 } }, 1, 0);
    expect(enter(limits, 0, 1_000)).toBe(1_000);
  });
});

describe('FairShare', () => {
  const fill = (share: FairShare, holder: { admitted: number }): number => {
    while (share.admit(holder));
    return holder.admitted;
  };

  it('leaves room for a newcomer however greedy the others are', () => {
    const share = new FairShare(120);
    const [a, b, c] = [{ admitted: 0 }, { admitted: 0 }, { admitted: 0 }];
    expect(fill(share, a)).toBe(60);
    expect(fill(share, b)).toBe(30);
    expect(fill(share, c)).toBe(15);
    expect(share.held).toBe(105);
  });

  it('settles at equal shares as requests end', () => {
    const share = new FairShare(120);
    const holders = [{ admitted: 0 }, { admitted: 0 }];
    fill(share, holders[0]!);
    for (let i = 0; i < 500; i++) {
      const most = holders[0]!.admitted >= holders[1]!.admitted ? holders[0]! : holders[1]!;
      if (most.admitted > 0) share.release(most);
      share.admit(holders[1]!);
      share.admit(holders[0]!);
    }
    expect(Math.abs(holders[0]!.admitted - holders[1]!.admitted)).toBeLessThanOrEqual(2);
    expect(holders[0]!.admitted).toBeGreaterThanOrEqual(38);
  });

  it('never holds more than its capacity', () => {
    const share = new FairShare(3);
    for (let i = 0; i < 10; i++) share.admit({ admitted: 0 });
    expect(share.held).toBe(3);
  });
});

describe('DeadlineSweeper', () => {
  class Entry extends Expiring {
    expired = 0;
    polled = 0;
    constructor(deadline: number, private readonly sweeper: DeadlineSweeper) {
      super();
      this.deadline = deadline;
    }
    expire(): void {
      this.expired++;
      this.sweeper.delete(this);
    }
    poll(): void {
      this.polled++;
    }
  }

  it('expires what is due, once, and polls the rest', async () => {
    const sweeper = new DeadlineSweeper();
    const now = performance.now();
    const due = [new Entry(now - 1, sweeper), new Entry(now - 1, sweeper)];
    const later = new Entry(now + 60_000, sweeper);
    const removed = new Entry(now - 1, sweeper);
    for (const entry of [due[0]!, later, removed, due[1]!]) sweeper.add(entry);
    sweeper.delete(removed);
    sweeper.delete(removed);
    sweeper.start();
    const end = performance.now() + 5000;
    while (later.polled < 2 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
    sweeper.stop();
    expect([due[0]!.expired, due[1]!.expired, removed.expired, later.expired]).toEqual([1, 1, 0, 0]);
    expect(later.polled).toBeGreaterThanOrEqual(2);
  });
});
