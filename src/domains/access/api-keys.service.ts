import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Permission, TenantRole } from '../../platform/auth/permissions.js';
import type { TenantContext } from '../../platform/context/context.js';
import { Database, isUniqueViolation } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import { checkEtag, type ExpectedEtag } from '../../platform/rest/etag.js';
import { AuditService } from '../audit/audit.service.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { AccessCache } from './access-cache.js';
import { DEFAULT_OVERLAP_SECONDS, MAX_API_KEYS } from './access-limits.js';
import { apiKeyExpired, apiKeyLimitReached, apiKeyNameTaken, apiKeyNotFound, expiryInPast, keyNotGrantable, scopeOutsideRole } from './access.errors.js';
import { credentialsOf, keyPermissions, mintApiKey, rotateCredentials, scopesOutside } from './api-key.policy.js';
import { beyond } from './role-grant.policy.js';
import type { ApiKeyEntity } from './store/api-key.entity.js';
import { ApiKeysRepository } from './store/api-keys.repository.js';

export interface CreateApiKey {
  name: string;
  role: TenantRole;
  /** What of the role the key gets; all of it where absent. */
  scopes?: readonly Permission[];
  expiresAt?: Date;
}

/** A key with a credential that was just made. */
export interface CreatedApiKey {
  apiKey: ApiKeyEntity;
  /** The credential itself: this is the only time it can be seen. */
  key: string;
}

/** Credentials of machines: each belongs to one tenant, has one role in it or a part of one, and is kept as a hash only. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly database: Database,
    private readonly keys: ApiKeysRepository,
    private readonly tenants: TenantsService,
    private readonly audit: AuditService,
    private readonly cache: AccessCache,
  ) {}

  /** @throws {DomainError} API_KEY_NAME_TAKEN, API_KEY_LIMIT_REACHED, ROLE_NOT_GRANTABLE, SCOPE_OUTSIDE_ROLE, EXPIRY_IN_PAST */
  async create(context: TenantContext, command: CreateApiKey): Promise<CreatedApiKey> {
    const { key, prefix, hash } = mintApiKey();
    const apiKey: ApiKeyEntity = {
      tenantId: context.tenantId, id: randomUUID(), prefix, hash, name: command.name, role: command.role, scopes: command.scopes ? [...command.scopes] : null,
      expiresAt: command.expiresAt ?? null, lastUsedAt: null, revokedAt: null, previousPrefix: null, previousHash: null, previousUntil: null, version: 1, createdAt: new Date(),
    };
    try {
      return await this.database.transaction(context, async () => {
        await this.tenants.requireWritable(context);
        checkScopes(context, apiKey);
        if (apiKey.expiresAt && apiKey.expiresAt.getTime() <= Date.now()) throw expiryInPast();
        if (await this.keys.count(context) >= MAX_API_KEYS) throw apiKeyLimitReached(MAX_API_KEYS);
        await this.keys.add(context, apiKey);
        await this.audit.record(context, { action: 'api-key.create', target: { kind: 'api-key', id: apiKey.id, name: apiKey.name }, after: { role: apiKey.role, scopes: apiKey.scopes, expiresAt: apiKey.expiresAt } });
        await this.tenants.requestReconcile(context);
        return { apiKey, key };
      });
    } catch (error) {
      if (isUniqueViolation(error, 'api_key_name')) throw apiKeyNameTaken(command.name);
      throw error;
    }
  }

  /** By name or id. @throws {DomainError} API_KEY_NOT_FOUND, also for a revoked one. */
  async get(context: TenantContext, reference: string): Promise<ApiKeyEntity> {
    const found = await this.keys.find(context, reference);
    if (!found) throw apiKeyNotFound();
    return found;
  }

  list(context: TenantContext, request: PageRequest, name?: string): Promise<Page<ApiKeyEntity>> {
    return this.keys.findPage(context, request, name);
  }

  /** Ends the key: at once in this process, within seconds in others and on the gateways. @throws {DomainError} API_KEY_NOT_FOUND, ETAG_MISMATCH */
  async revoke(context: TenantContext, reference: string, expected?: ExpectedEtag): Promise<ApiKeyEntity> {
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context, { whileSuspended: true });
      const apiKey = await this.lock(context, reference);
      checkEtag(expected, apiKey);
      const revokedAt = new Date();
      await this.keys.change(context, apiKey.id, { revokedAt });
      await this.audit.record(context, { action: 'api-key.revoke', target: { kind: 'api-key', id: apiKey.id, name: apiKey.name }, before: { role: apiKey.role, scopes: apiKey.scopes, expiresAt: apiKey.expiresAt } });
      await this.tenants.requestReconcile(context);
      this.forgetAfterCommit(apiKey);
      return { ...apiKey, revokedAt };
    });
  }

  /**
   * Gives the key a new credential. The present one goes on working until the overlap ends; the one before it, where an earlier
   * rotation still overlapped, ends now.
   * @throws {DomainError} API_KEY_NOT_FOUND, API_KEY_EXPIRED, ETAG_MISMATCH; ROLE_NOT_GRANTABLE for who may not do all that the key may
   */
  async rotate(context: TenantContext, reference: string, overlapSeconds: number = DEFAULT_OVERLAP_SECONDS, expected?: ExpectedEtag): Promise<CreatedApiKey> {
    const { key, ...minted } = mintApiKey();
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const before = await this.lock(context, reference);
      checkEtag(expected, before);
      const now = new Date();
      if (before.expiresAt && before.expiresAt <= now) throw apiKeyExpired();
      const missing = beyond(context.permissions, keyPermissions(before.role, before.scopes));
      if (missing.length > 0) throw keyNotGrantable(missing);
      const change = { ...rotateCredentials(before, minted, now, overlapSeconds), version: before.version + 1 };
      await this.keys.change(context, before.id, change);
      await this.audit.record(context, { action: 'api-key.rotate', target: { kind: 'api-key', id: before.id, name: before.name }, before: { prefix: before.prefix }, after: { prefix: minted.prefix, previousUntil: change.previousUntil } });
      await this.tenants.requestReconcile(context);
      this.forgetAfterCommit(before);
      return { apiKey: { ...before, ...change }, key };
    });
  }

  private async lock(context: TenantContext, reference: string): Promise<ApiKeyEntity> {
    const found = await this.keys.lock(context, reference);
    if (!found) throw apiKeyNotFound();
    return found;
  }

  private forgetAfterCommit(apiKey: ApiKeyEntity): void {
    this.database.afterCommit(() => this.cache.forgetKey(credentialsOf(apiKey).map(({ hash }) => hash)));
  }
}

/** Scopes narrow the role; and nobody hands out a key that may do more than he may himself. */
function checkScopes(context: TenantContext, { role, scopes }: Pick<ApiKeyEntity, 'role' | 'scopes'>): void {
  const outside = scopes ? scopesOutside(role, scopes) : [];
  if (scopes && outside.length > 0) throw scopeOutsideRole(role, scopes, outside);
  const missing = beyond(context.permissions, keyPermissions(role, scopes));
  if (missing.length > 0) throw keyNotGrantable(missing, scopes ? '/scopes' : '/role');
}
