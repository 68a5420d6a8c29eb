import { describe, expect, it } from 'vitest';
import { DomainError } from '../errors/domain-error.js';
import { CredentialLimiter } from './credential-limiter.js';

const SLOW = { perSecond: 0.001, burst: 5 };

const bad = async (): Promise<never> => {
  throw new DomainError('unauthenticated', 'UNAUTHENTICATED', 'no');
};
const good = async (): Promise<string> => 'somebody';

async function outcome(work: Promise<unknown>): Promise<string> {
  return work.then(() => 'good', (error: DomainError) => error.code);
}

describe('trying credentials', () => {
  it('ends after a burst, before anything is looked up, for that address only', async () => {
    const limiter = new CredentialLimiter(SLOW);
    let checks = 0;
    const counted = (): Promise<never> => { checks += 1; return bad(); };
    const outcomes = [];
    for (let i = 0; i < 8; i++) outcomes.push(await outcome(limiter.check('192.0.2.1', `guess-${i}`, counted)));
    expect(outcomes).toEqual([...Array<string>(5).fill('UNAUTHENTICATED'), ...Array<string>(3).fill('RATE_LIMITED')]);
    expect(checks).toBe(5);
    expect(await outcome(limiter.check('192.0.2.2', 'guess', bad))).toBe('UNAUTHENTICATED');
    expect(await outcome(limiter.check('192.0.2.1', 'new and good', good))).toBe('RATE_LIMITED');
  });

  it('does not lock out a neighbour who was let in before', async () => {
    const limiter = new CredentialLimiter(SLOW);
    expect(await outcome(limiter.check('192.0.2.1', 'good one', good))).toBe('good');
    for (let i = 0; i < 8; i++) await outcome(limiter.check('192.0.2.1', `guess-${i}`, bad));
    expect(await outcome(limiter.check('192.0.2.1', 'good one', good))).toBe('good');
    // Revoked meanwhile: it is no longer let past.
    expect(await outcome(limiter.check('192.0.2.1', 'good one', bad))).toBe('UNAUTHENTICATED');
    expect(await outcome(limiter.check('192.0.2.1', 'good one', bad))).toBe('RATE_LIMITED');
  });

  it('charges neither good credentials nor failures that are not the caller\'s', async () => {
    const limiter = new CredentialLimiter(SLOW);
    for (let i = 0; i < 50; i++) expect(await outcome(limiter.check('192.0.2.1', `good-${i}`, good))).toBe('good');
    const away = async (): Promise<never> => { throw new DomainError('unavailable', 'IDENTITY_PROVIDER_UNAVAILABLE', 'later'); };
    for (let i = 0; i < 50; i++) expect(await outcome(limiter.check('192.0.2.1', `any-${i}`, away))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
  });

  it('counts requests that are under way', async () => {
    const limiter = new CredentialLimiter(SLOW);
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, i) => outcome(limiter.check('192.0.2.1', `guess-${i}`, bad))));
    expect(outcomes.filter((code) => code === 'UNAUTHENTICATED')).toHaveLength(5);
  });

  it('takes the addresses of one IPv6 network as one', async () => {
    const limiter = new CredentialLimiter(SLOW);
    for (let i = 0; i < 5; i++) await outcome(limiter.check(`2001:db8:1:2::${i}`, undefined, bad));
    expect(await outcome(limiter.check('2001:db8:1:2:ffff::1', undefined, bad))).toBe('RATE_LIMITED');
    expect(await outcome(limiter.check('2001:db8:1:3::1', undefined, bad))).toBe('UNAUTHENTICATED');
  });

  it('is not bounded where the limit is off', async () => {
    const limiter = new CredentialLimiter(null);
    for (let i = 0; i < 50; i++) expect(await outcome(limiter.check('192.0.2.1', undefined, bad))).toBe('UNAUTHENTICATED');
  });
});
