import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import { checkEtag, type ExpectedEtag } from '../../platform/rest/etag.js';
import { AuditService } from '../audit/audit.service.js';
import { QuotaAdmission } from '../tenants/quota-admission.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { inUse, nameTaken, nothingToMatch, setNotFound } from './configuration.errors.js';
import { ConfigurationListeners } from './configuration-listeners.js';
import { checkData, checkSetName, mergeData, sameData } from './environment-data.policy.js';
import type { ConfigSetEntity } from './store/config-set.entity.js';
import { ConfigSetsRepository } from './store/config-sets.repository.js';
import { UUID } from './store/named-sets.repository.js';

export interface PutResult<Row> {
  row: Row;
  created: boolean;
}

/** Named sets of plain environment variables. */
@Injectable()
export class ConfigSetsService {
  constructor(
    private readonly database: Database,
    private readonly sets: ConfigSetsRepository,
    private readonly tenants: TenantsService,
    private readonly quotas: QuotaAdmission,
    private readonly listeners: ConfigurationListeners,
    private readonly audit: AuditService,
  ) {}

  /** @throws {DomainError} CONFIG_NAME_TAKEN, CONFIGURATION_INVALID, QUOTA_EXCEEDED. */
  create(context: TenantContext, name: string, data: Record<string, string>): Promise<ConfigSetEntity> {
    checkSetName(name);
    checkData(data);
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const id = await this.reserve(context);
      if (await this.sets.find(context, name)) throw nameTaken('config', name);
      return this.add(context, id, name, data);
    });
  }

  /**
   * Creates the set or replaces its data; the same data again changes nothing.
   * @param reference its name, or the id of one that exists.
   * @throws {DomainError} CONFIG_NOT_FOUND (an unknown id), ETAG_MISMATCH, CONFIGURATION_INVALID, QUOTA_EXCEEDED.
   */
  put(context: TenantContext, reference: string, data: Record<string, string>, expected: ExpectedEtag): Promise<PutResult<ConfigSetEntity>> {
    checkData(data);
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const known = await this.sets.find(context, reference, 'change');
      if (known) return { row: await this.replace(context, known, data, expected), created: false };
      if (UUID.test(reference)) throw setNotFound('config');
      if (expected !== undefined) throw nothingToMatch('config');
      checkSetName(reference);
      const id = await this.reserve(context);
      // Whoever created the same name meanwhile held the quota that is ours now, so it is visible here.
      const rival = await this.sets.find(context, reference, 'change');
      if (!rival) return { row: await this.add(context, id, reference, data), created: true };
      await this.quotas.release(context, holderOf(id));
      return { row: await this.replace(context, rival, data, expected), created: false };
    });
  }

  /** RFC 7396 over its data. @throws {DomainError} CONFIG_NOT_FOUND, ETAG_MISMATCH, CONFIGURATION_INVALID. */
  change(context: TenantContext, reference: string, patch: Record<string, string | null>, expected: ExpectedEtag): Promise<ConfigSetEntity> {
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const before = await this.sets.find(context, reference, 'change');
      if (!before) throw setNotFound('config');
      const data = mergeData(before.data, patch);
      checkData(data);
      return this.replace(context, before, data, expected);
    });
  }

  /** @throws {DomainError} CONFIG_NOT_FOUND */
  async get(context: TenantContext, reference: string): Promise<ConfigSetEntity> {
    const found = await this.sets.find(context, reference);
    if (!found) throw setNotFound('config');
    return found;
  }

  list(context: TenantContext, request: PageRequest, name?: string): Promise<Page<ConfigSetEntity>> {
    return this.sets.findPage(context, request, name);
  }

  /** @throws {DomainError} CONFIG_NOT_FOUND, ETAG_MISMATCH, CONFIG_IN_USE naming the functions that use it. */
  delete(context: TenantContext, reference: string, expected: ExpectedEtag): Promise<ConfigSetEntity> {
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const set = await this.sets.find(context, reference, 'delete');
      if (!set) throw setNotFound('config');
      checkEtag(expected, set);
      const users = await this.listeners.usersOf(context, { kind: 'config', name: set.name });
      if (users.length > 0) throw inUse('config', set.name, users);
      await this.sets.remove(context, set.id);
      await this.quotas.release(context, holderOf(set.id));
      await this.audit.record(context, { action: 'config.delete', target: { kind: 'config', id: set.id, name: set.name }, before: set.data });
      return set;
    });
  }

  /** Takes one of the tenant's config sets for a new id; creations of one tenant pass here one by one. */
  private async reserve(context: TenantContext): Promise<string> {
    const id = randomUUID();
    await this.quotas.reserve(context, holderOf(id), { configSets: 1 });
    return id;
  }

  private async add(context: TenantContext, id: string, name: string, data: Record<string, string>): Promise<ConfigSetEntity> {
    const now = new Date();
    const set = await this.sets.add(context, { tenantId: context.tenantId, id, name, data, version: 1, createdAt: now, updatedAt: now });
    await this.audit.record(context, { action: 'config.create', target: { kind: 'config', id, name }, after: data });
    await this.listeners.changed(context, { kind: 'config', name });
    return set;
  }

  private async replace(context: TenantContext, before: ConfigSetEntity, data: Record<string, string>, expected: ExpectedEtag): Promise<ConfigSetEntity> {
    checkEtag(expected, before);
    if (sameData(before.data, data)) return before;
    const change = { data, version: before.version + 1, updatedAt: new Date() };
    await this.sets.update(context, before.id, change);
    await this.audit.record(context, { action: 'config.update', target: { kind: 'config', id: before.id, name: before.name }, before: before.data, after: data });
    await this.listeners.changed(context, { kind: 'config', name: before.name });
    return { ...before, ...change };
  }
}

function holderOf(id: string): string {
  return `config:${id}`;
}
