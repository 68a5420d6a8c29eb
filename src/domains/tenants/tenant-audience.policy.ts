import { PLATFORM_ROLE_PERMISSIONS } from '../../platform/auth/permissions.js';
import type { Principal } from '../../platform/context/context.js';
import type { TenantAudience } from './store/tenants.repository.js';

/** Platform roles that may list tenants see all; an API key sees its own if it may read it; everybody else those they are a member of. */
export function audienceOf(principal: Principal): TenantAudience {
  const { apiKey } = principal;
  if (apiKey) return { all: false, tenantIds: apiKey.permissions.includes('tenant:read') ? [apiKey.tenantId] : [] };
  if (principal.platformRoles.some((role) => PLATFORM_ROLE_PERMISSIONS[role].includes('tenants:list'))) return { all: true };
  return { all: false, issuer: principal.issuer, subject: principal.subject };
}
