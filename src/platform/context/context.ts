import type { Permission, PlatformRole } from '../auth/permissions.js';

/** Who asks. `key` is unique over all kinds of principals and stable: for audit rows, idempotency, rate limits. */
export interface Principal {
  kind: 'user' | 'api-key' | 'system';
  key: string;
  /** Token issuer and subject; for API keys the issuer is `fnplane` and the subject the key's id. */
  issuer: string;
  subject: string;
  platformRoles: readonly PlatformRole[];
  /** Of a person whose issuer verified it; normalised. */
  email?: string;
  /** Set for API keys, which belong to exactly one tenant and never reach another. */
  apiKey?: { id: string; tenantId: string; permissions: readonly Permission[] };
}

/**
 * First argument of all work done for one tenant: made by the guard after the permission was checked, or by a job for
 * the tenant its key names. Repositories demand it by type, and the database's row-level security follows `tenantId`.
 */
export interface TenantContext {
  readonly scope: 'tenant';
  readonly tenantId: string;
  readonly tenantName: string;
  readonly principal: Principal;
  readonly permissions: ReadonlySet<Permission>;
  readonly requestId: string;
  /** The tenant is deleted; only its ledger is left. */
  readonly ended?: true;
}

/** Work that belongs to no tenant or to all: greppable on purpose. */
export interface SystemContext {
  readonly scope: 'system';
  readonly principal: Principal;
  readonly requestId: string;
}

export type Context = TenantContext | SystemContext;

/** The platform itself as principal, named after the part that acts. */
export function systemPrincipal(part: string): Principal {
  return { kind: 'system', key: `system:${part}`, issuer: 'fnplane', subject: part, platformRoles: [] };
}

export function systemContext(part: string, requestId: string = part): SystemContext {
  return { scope: 'system', principal: systemPrincipal(part), requestId };
}

/** A tenant's context for background work on its rows. */
export function tenantJobContext(part: string, tenant: { id: string; name: string }): TenantContext {
  return { scope: 'tenant', tenantId: tenant.id, tenantName: tenant.name, principal: systemPrincipal(part), permissions: new Set(), requestId: part };
}
