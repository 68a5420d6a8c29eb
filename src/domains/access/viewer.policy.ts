import { COMMON_PLATFORM_PERMISSIONS, PLATFORM_PERMISSIONS, PLATFORM_ROLE_PERMISSIONS, type PlatformPermission } from '../../platform/auth/permissions.js';
import type { Principal } from '../../platform/context/context.js';

/** What the principal may do on the platform as a whole, in the order of the permissions' own list. */
export function platformPermissionsOf(principal: Principal): PlatformPermission[] {
  const held = new Set<PlatformPermission>([...COMMON_PLATFORM_PERMISSIONS, ...principal.platformRoles.flatMap((role) => PLATFORM_ROLE_PERMISSIONS[role])]);
  return PLATFORM_PERMISSIONS.filter((permission) => held.has(permission));
}
