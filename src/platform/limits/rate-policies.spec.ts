import { describe, expect, it } from 'vitest';
import { clientOf } from './client-address.policy.js';
import { drainedPause, leaseSize, refillsAhead, type Demand } from './lease.policy.js';
import { LocalBucket } from './local-bucket.js';
import { policyItem, standingItem } from './rate-headers.policy.js';
import { parseRate, retryAfterSeconds, tokensAt, waitFor } from './rate.policy.js';

const RATE = { perSecond: 50, burst: 500 };

describe('a rate as a setting', () => {
  it.each([
    ['0', null],
    ['50:500', RATE],
    ['0.5:1', { perSecond: 0.5, burst: 1 }],
    ['1000000:1000000', { perSecond: 1_000_000, burst: 1_000_000 }],
    ['0:5', undefined], ['5:0', undefined], ['5', undefined], ['5:5:5', undefined], ['-1:5', undefined], ['5:1.5', undefined], ['1000001:1', undefined], ['1e3:5', undefined], [' 5:5', undefined], ['', undefined],
  ])('%j is %j', (text, expected) => {
    expect(parseRate(text)).toEqual(expected);
  });
});

describe('a bucket', () => {
  it.each([
    [0, 500], [10_000, 500], [11_000, 450], [20_000, 0], [21_000, -50],
  ])('that is full at %d ms holds %d at 10 s', (fullAt, expected) => {
    expect(tokensAt(RATE, fullAt, 10_000)).toBe(expected);
  });

  it.each([
    [1, 1, 0], [1, 0, 20], [10, -50, 1_200], [500, 0, 10_000],
  ])('has %d tokens, %d being there, in %d ms', (tokens, there, expected) => {
    expect(waitFor(RATE, tokens, there)).toBe(expected);
  });

  it.each([[0, 1], [20, 1], [1_000, 1], [1_001, 2]])('that is empty for %d ms says to come back in %d s', (ms, expected) => {
    expect(retryAfterSeconds(ms)).toBe(expected);
  });

  it('of one process gives its burst, then its rate, and takes tokens back', () => {
    const bucket = new LocalBucket({ perSecond: 10, burst: 5 });
    let now = 1_000_000;
    const taken = (): number => Array.from({ length: 100 }, () => bucket.take(1, now)).filter(Boolean).length;
    expect(taken()).toBe(5);
    expect(bucket.waitMs(1, now)).toBe(100);
    now += 250;
    expect(taken()).toBe(2);
    bucket.giveBack(1);
    expect(taken()).toBe(1);
    now += 3_600_000;
    expect(taken()).toBe(5);
  });
});

describe('the size of a lease', () => {
  const demand = (given: Partial<Demand>): Demand => ({ asked: 1, elapsedMs: 1_000, lastLease: 0, waiting: 1, ...given });

  it.each([
    ['a first request', {}, 8],
    ['a caller back after an hour', { elapsedMs: 3_600_000, lastLease: 128 }, 8],
    ['one who spends leases at once doubles', { asked: 8, elapsedMs: 2, lastLease: 8 }, 16],
    ['one at 40 a second holds 1.5 s of it', { asked: 60, elapsedMs: 1_500, lastLease: 60 }, 60],
    ['one who slows down leases less', { asked: 10, elapsedMs: 1_500, lastLease: 60 }, 10],
    ['one lease takes half the bucket', { asked: 10_000, elapsedMs: 100, lastLease: 400 }, 250],
    ['what is waited for is always asked', { waiting: 300 }, 300],
    ['but never more than there can be', { waiting: 3_000 }, 500],
  ] as const)('%s', (_, given, expected) => {
    expect(leaseSize(RATE, demand(given))).toBe(expected);
  });

  it.each([[1, 1], [16, 1], [32, 2], [64, 4], [1_000, 8]])('takes from a bucket of %d no more than %d at first', (burst, expected) => {
    expect(leaseSize({ perSecond: 1, burst }, demand({}))).toBe(expected);
  });

  it('is fetched ahead only by those who use leases up', () => {
    expect(refillsAhead(1, 8)).toBe(false);
    expect(refillsAhead(15, 60)).toBe(false);
    expect(refillsAhead(14, 60)).toBe(true);
  });

  it.each([[0, 100], [20, 100], [400, 400], [60_000, 1_000]])('is asked of an empty bucket, due in %d ms, after %d ms', (wait, expected) => {
    expect(drainedPause(wait)).toBe(expected);
  });
});

describe('a client', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    ['no address', 'no address'],
  ])('at %s is %s', (address, expected) => {
    expect(clientOf(address)).toBe(expected);
  });
});

describe('the fields of an answer', () => {
  it('are items with parameters', () => {
    expect(policyItem('principal', RATE)).toBe('"principal";q=500;w=10');
    expect(policyItem('tenant', { perSecond: 100, burst: 5 })).toBe('"tenant";q=5;w=1');
    expect(standingItem('principal', 12, 9)).toBe('"principal";r=12;t=9');
  });
});
