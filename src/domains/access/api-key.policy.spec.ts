import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { API_KEY } from '../../contract/access-list.js';
import { PERMISSIONS, TENANT_ROLE_PERMISSIONS, TENANT_ROLES } from '../../platform/auth/permissions.js';
import { apiKeyPrefix, credentialsOf, hashApiKey, keyPermissions, mintApiKey, rotateCredentials, scopesOutside, type KeyCredentials } from './api-key.policy.js';

describe('API keys', () => {
  it('have the form gateways know, a public prefix and 256 random bits', () => {
    const minted = mintApiKey();
    expect(minted.key).toMatch(API_KEY);
    expect(apiKeyPrefix(minted.key)).toBe(minted.prefix);
    expect(mintApiKey().key).not.toBe(minted.key);
  });

  it('are kept as the hash of the whole key', () => {
    const { key, hash } = mintApiKey();
    expect(hash).toBe(createHash('sha256').update(key).digest().toString('base64url'));
    expect(hashApiKey(`${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`)).not.toBe(hash);
  });

  it.each(['', 'fnp_', 'fnp_0123456789ab_short', `fnp_0123456789AB_${'a'.repeat(43)}`, `xfnp_0123456789ab_${'a'.repeat(43)}`])('does not take %j for one', (text) => {
    expect(apiKeyPrefix(text)).toBeUndefined();
  });
});

describe('scopes', () => {
  it.each(TENANT_ROLES)('narrow the role %s and never widen it', (role) => {
    expect(keyPermissions(role, null)).toEqual(TENANT_ROLE_PERMISSIONS[role]);
    expect(new Set(keyPermissions(role, PERMISSIONS))).toEqual(new Set(TENANT_ROLE_PERMISSIONS[role]));
    for (const scope of PERMISSIONS) expect(keyPermissions(role, [scope])).toEqual(TENANT_ROLE_PERMISSIONS[role].includes(scope) ? [scope] : []);
  });

  it('outside a role are told by their place', () => {
    expect(scopesOutside('viewer', ['functions:read', 'functions:invoke', 'tenant:read', 'keys:manage'])).toEqual([1, 3]);
    expect(scopesOutside('owner', ['tenant:delete'])).toEqual([]);
  });
});

describe('a rotation', () => {
  const NOW = new Date('2026-05-01T12:00:00Z');
  const first: KeyCredentials = { prefix: 'a1', hash: 'ha', expiresAt: null, previousPrefix: null, previousHash: null, previousUntil: null };

  it('keeps the present credential until the overlap ends', () => {
    const rotated = rotateCredentials(first, { prefix: 'b2', hash: 'hb' }, NOW, 60);
    expect(credentialsOf(rotated)).toEqual([{ id: 'b2', hash: 'hb', expiresAt: null }, { id: 'a1', hash: 'ha', expiresAt: '2026-05-01T12:01:00.000Z' }]);
  });

  it('drops the one before at once when it comes again, and all but the new one without an overlap', () => {
    const rotated = rotateCredentials(first, { prefix: 'b2', hash: 'hb' }, NOW, 60);
    expect(credentialsOf(rotateCredentials(rotated, { prefix: 'c3', hash: 'hc' }, NOW, 60)).map(({ id }) => id)).toEqual(['c3', 'b2']);
    expect(credentialsOf(rotateCredentials(rotated, { prefix: 'c3', hash: 'hc' }, NOW, 0))).toEqual([{ id: 'c3', hash: 'hc', expiresAt: null }]);
  });

  it('lets no credential outlive the key', () => {
    const expiresAt = new Date(NOW.getTime() + 30_000);
    const rotated = rotateCredentials({ ...first, expiresAt }, { prefix: 'b2', hash: 'hb' }, NOW, 60);
    expect(credentialsOf(rotated).map((credential) => credential.expiresAt)).toEqual([expiresAt.toISOString(), expiresAt.toISOString()]);
  });
});
