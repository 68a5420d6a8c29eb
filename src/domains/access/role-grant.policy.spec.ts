import { describe, expect, it } from 'vitest';
import { PLATFORM_ROLE_TENANT_PERMISSIONS, TENANT_ROLE_PERMISSIONS, TENANT_ROLES } from '../../platform/auth/permissions.js';
import { effectivePermissions, permissionSet } from './effective-permissions.policy.js';
import { mayGrant, mayTakeAway } from './role-grant.policy.js';

const grantable = (held: readonly string[]): string[] => TENANT_ROLES.filter((role) => mayGrant(new Set(held) as never, role));

describe('granting roles', () => {
  it.each([
    ['owner', ['owner', 'admin', 'developer', 'viewer', 'billing']],
    ['admin', ['admin', 'developer', 'viewer', 'billing']],
    ['developer', ['developer', 'viewer']],
    ['viewer', ['viewer']],
    ['billing', ['billing']],
  ] as const)('%s can give %j', (role, expected) => {
    expect(grantable(TENANT_ROLE_PERMISSIONS[role])).toEqual(expected);
  });

  it('keeps the platform\'s operators from giving the right to invoke, which they do not have', () => {
    expect(grantable(PLATFORM_ROLE_TENANT_PERMISSIONS.operator)).toEqual(['viewer', 'billing']);
  });

  it('lets only those take an owner\'s role away who may delete the tenant', () => {
    const admin = permissionSet(TENANT_ROLE_PERMISSIONS.admin);
    expect(mayTakeAway(admin, 'owner')).toBe(false);
    expect(mayTakeAway(admin, 'admin')).toBe(true);
    expect(mayTakeAway(permissionSet(TENANT_ROLE_PERMISSIONS.owner), 'owner')).toBe(true);
    expect(mayTakeAway(effectivePermissions(null, ['operator']), 'owner')).toBe(true);
  });
});

describe('effective permissions', () => {
  it('adds up a role in the tenant and roles on the platform', () => {
    const set = effectivePermissions('viewer', ['finance']);
    expect(set.has('functions:read')).toBe(true);
    expect(set.has('billing:read')).toBe(true);
    expect(set.has('functions:deploy')).toBe(false);
    expect(effectivePermissions(null, []).size).toBe(0);
  });

  it('shares one set for the same roles in any order', () => {
    expect(effectivePermissions('owner', ['finance', 'auditor'])).toBe(effectivePermissions('owner', ['auditor', 'finance']));
  });
});
