import { TENANT_ROLE_PERMISSIONS, type Permission, type TenantRole } from '../../platform/auth/permissions.js';

/** Nobody gives what he does not have: a role is grantable by those who hold every permission in it. */
export function mayGrant(held: ReadonlySet<Permission>, role: TenantRole): boolean {
  return beyond(held, TENANT_ROLE_PERMISSIONS[role]).length === 0;
}

/** What is to be given and not held by the giver: nothing, where it may be given. */
export function beyond(held: ReadonlySet<Permission>, given: readonly Permission[]): Permission[] {
  return given.filter((permission) => !held.has(permission));
}

/** What sets owners apart is that they may delete the tenant: only who may do that, too, takes an owner's role away. */
export function mayTakeAway(held: ReadonlySet<Permission>, role: TenantRole): boolean {
  return role !== 'owner' || held.has('tenant:delete');
}
