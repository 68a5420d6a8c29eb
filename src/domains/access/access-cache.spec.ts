import { describe, expect, it, vi } from 'vitest';
import { ACCESS_TTL_MS, AccessCache } from './access-cache.js';
import type { FoundTenant } from './store/access-lookup.repository.js';

const TENANT: FoundTenant = { id: '7d1c2d80-0000-4000-8000-000000000001', name: 'team', role: 'viewer' };

/** A lookup that answers when told to. */
function slow<T>() {
  const { promise, resolve } = Promise.withResolvers<T>();
  let calls = 0;
  return { find: () => { calls += 1; return promise; }, answer: resolve, get calls() { return calls; } };
}

describe('the access cache', () => {
  it('shares a lookup under way and asks no more afterwards', async () => {
    const cache = new AccessCache();
    const lookup = slow<FoundTenant | null>();
    const both = Promise.all([cache.tenant('user:a', 'team', lookup.find), cache.tenant('user:a', 'team', lookup.find)]);
    lookup.answer(TENANT);
    expect(await both).toEqual([TENANT, TENANT]);
    expect(await cache.tenant('user:a', 'team', lookup.find)).toEqual(TENANT);
    expect(lookup.calls).toBe(1);
  });

  it('keeps no answer of a lookup that began before a change', async () => {
    const cache = new AccessCache();
    const old = slow<FoundTenant | null>();
    const answer = cache.tenant('user:a', 'team', old.find);
    cache.forgetMember('user:a', TENANT);
    old.answer(TENANT);
    await answer;
    expect(await cache.tenant('user:a', 'team', async () => null)).toBeNull();
  });

  it('does not let a request after a change join a lookup from before it', async () => {
    const cache = new AccessCache();
    const old = slow<FoundTenant | null>();
    const before = cache.tenant('user:a', 'team', old.find);
    cache.forgetMember('user:a', TENANT);
    const after = cache.tenant('user:a', 'team', async () => ({ ...TENANT, role: 'owner' }));
    old.answer(TENANT);
    expect((await after)?.role).toBe('owner');
    expect((await before)?.role).toBe('viewer');
    expect((await cache.tenant('user:a', 'team', async () => null))?.role).toBe('owner');
  });

  it('never keeps that a tenant was not found', async () => {
    const cache = new AccessCache();
    expect(await cache.tenant('user:a', 'team', async () => null)).toBeNull();
    expect(await cache.tenant('user:a', 'team', async () => TENANT)).toEqual(TENANT);
  });

  it('counts the age of an answer from when it was asked for, however long Postgres took', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const cache = new AccessCache();
      const lookup = slow<FoundTenant | null>();
      const answer = cache.tenant('user:a', 'team', lookup.find);
      vi.advanceTimersByTime(ACCESS_TTL_MS - 1);
      lookup.answer(TENANT);
      await answer;
      expect(await cache.tenant('user:a', 'team', async () => null)).toEqual(TENANT);
      vi.advanceTimersByTime(1);
      expect(await cache.tenant('user:a', 'team', async () => null)).toBeNull();
    } finally {
      vi.useRealTimers();
    }
  });

  it('forgets all credentials of a key at once', async () => {
    const cache = new AccessCache();
    const principal = { kind: 'api-key' as const, key: 'api-key:1', issuer: 'fnplane', subject: '1', platformRoles: [] };
    const find = async () => ({ principal, tenant: TENANT });
    for (const hash of ['h1', 'h2', 'h3']) await cache.key(hash, find);
    cache.forgetKey(['h1', 'h2']);
    expect(await Promise.all(['h1', 'h2', 'h3'].map((hash) => cache.key(hash, async () => null)))).toEqual([null, null, principal]);
  });

  it('forgets a failed lookup', async () => {
    const cache = new AccessCache();
    await expect(cache.tenant('user:a', 'team', async () => { throw new Error('no database'); })).rejects.toThrow('no database');
    expect(await cache.tenant('user:a', 'team', async () => TENANT)).toEqual(TENANT);
  });

  it('remembers an unknown key for a moment, and a known one not beyond its expiry', async () => {
    const cache = new AccessCache();
    let calls = 0;
    const unknown = async () => { calls += 1; return null; };
    expect(await cache.key('h1', unknown)).toBeNull();
    expect(await cache.key('h1', unknown)).toBeNull();
    expect(calls).toBe(1);
    const principal = { kind: 'api-key' as const, key: 'api-key:1', issuer: 'fnplane', subject: '1', platformRoles: [] };
    const expired = async () => { calls += 1; return { principal, until: Date.now() - 1, tenant: TENANT }; };
    await cache.key('h2', expired);
    await cache.key('h2', expired);
    expect(calls).toBe(3);
  });
});
