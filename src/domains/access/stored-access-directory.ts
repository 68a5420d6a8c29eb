import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AccessDirectory } from '../../platform/auth/authorization.js';
import type { Permission } from '../../platform/auth/permissions.js';
import type { Principal, TenantContext } from '../../platform/context/context.js';
import { AccessCache } from './access-cache.js';
import { apiKeyPrefix, hashApiKey, keyPermissions } from './api-key.policy.js';
import { effectivePermissions, permissionSet } from './effective-permissions.policy.js';
import { KeyUseRecorder } from './key-use-recorder.js';
import { AccessLookupRepository, type FoundKey } from './store/access-lookup.repository.js';

/** What may be asked of a deleted tenant. */
const LEDGER_PERMISSIONS: readonly Permission[] = ['usage:read', 'billing:read'];

const NAME_OR_ID = /^[a-z0-9][-a-z0-9]{0,63}$/;

/** Answers the guard from members and API keys; without a statement for who was here in the last seconds. */
@Injectable()
export class StoredAccessDirectory extends AccessDirectory {
  constructor(
    private readonly lookup: AccessLookupRepository,
    private readonly cache: AccessCache,
    private readonly uses: KeyUseRecorder,
  ) {
    super();
  }

  override async findApiKey(key: string): Promise<Principal | null> {
    const prefix = apiKeyPrefix(key);
    if (prefix === undefined) return null;
    const hash = hashApiKey(key);
    const principal = await this.cache.key(hash, async () => {
      const found = await this.lookup.findKey(prefix);
      if (!found || !sameHash(found.hash, hash)) return null;
      return { principal: principalOf(found), until: found.expiresAt?.getTime(), tenant: { id: found.tenantId, name: found.tenantName, role: found.role } };
    });
    if (principal) this.uses.note(principal.subject);
    return principal;
  }

  override async resolveTenant(principal: Principal, reference: string, requestId: string): Promise<TenantContext | null> {
    if (!NAME_OR_ID.test(reference)) return null;
    const found = await this.cache.tenant(principal.key, reference, () => this.lookup.findTenant(reference, principal.issuer, principal.subject));
    if (!found) return this.ended(principal, reference, requestId);
    const { apiKey } = principal;
    if (apiKey && apiKey.tenantId !== found.id) return null;
    const permissions = apiKey ? permissionSet(apiKey.permissions) : effectivePermissions(found.role, principal.platformRoles);
    if (permissions.size === 0) return null;
    return { scope: 'tenant', tenantId: found.id, tenantName: found.name, principal, permissions, requestId };
  }

  /** What a deleted tenant used stays billable: the platform's own roles read its ledger by its id. */
  private async ended(principal: Principal, reference: string, requestId: string): Promise<TenantContext | null> {
    const granted = effectivePermissions(null, principal.platformRoles);
    const permissions = new Set(LEDGER_PERMISSIONS.filter((permission) => granted.has(permission)));
    const found = permissions.size > 0 ? await this.lookup.findEnded(reference) : null;
    return found && { scope: 'tenant', tenantId: found.id, tenantName: found.name, principal, permissions, requestId, ended: true };
  }
}

function principalOf(key: FoundKey): Principal {
  return {
    kind: 'api-key', key: `api-key:${key.id}`, issuer: 'fnplane', subject: key.id, platformRoles: [],
    apiKey: { id: key.id, tenantId: key.tenantId, permissions: keyPermissions(key.role, key.scopes) },
  };
}

function sameHash(stored: string, given: string): boolean {
  return stored.length === given.length && timingSafeEqual(Buffer.from(stored), Buffer.from(given));
}
