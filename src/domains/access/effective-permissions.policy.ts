import { PLATFORM_ROLE_TENANT_PERMISSIONS, PLATFORM_ROLES, TENANT_ROLE_PERMISSIONS, type Permission, type PlatformRole, type TenantRole } from '../../platform/auth/permissions.js';

/** One set for each combination of roles (at most 6 x 8): requests share them instead of building their own. */
const known = new Map<string, ReadonlySet<Permission>>();

/** What a role in a tenant and roles on the platform allow together in that tenant. The set is shared: it must not be changed. */
export function effectivePermissions(role: TenantRole | null, platformRoles: readonly PlatformRole[]): ReadonlySet<Permission> {
  const roles = PLATFORM_ROLES.filter((candidate) => platformRoles.includes(candidate));
  const key = `${role ?? ''}+${roles.join('+')}`;
  let set = known.get(key);
  if (!set) {
    set = new Set([...(role ? TENANT_ROLE_PERMISSIONS[role] : []), ...roles.flatMap((platformRole) => PLATFORM_ROLE_TENANT_PERMISSIONS[platformRole])]);
    known.set(key, set);
  }
  return set;
}

const lists = new WeakMap<readonly Permission[], ReadonlySet<Permission>>();

/** The list as a set: made once a list, which for API keys is that of their role or, with scopes, lives as long as the key is remembered. */
export function permissionSet(list: readonly Permission[]): ReadonlySet<Permission> {
  let set = lists.get(list);
  if (!set) {
    set = new Set(list);
    lists.set(list, set);
  }
  return set;
}
