import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Envelope } from '../../platform/crypto/envelope.js';
import { Database } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import { checkEtag, type ExpectedEtag } from '../../platform/rest/etag.js';
import { AuditService } from '../audit/audit.service.js';
import { EventsService } from '../events/events.service.js';
import type { EventFacts } from '../events/platform-event.js';
import { QuotaAdmission } from '../tenants/quota-admission.js';
import { TenantsService } from '../tenants/tenants.service.js';
import type { PutResult } from './config-sets.service.js';
import { inUse, nameTaken, nothingToMatch, setNotFound } from './configuration.errors.js';
import { ConfigurationListeners } from './configuration-listeners.js';
import { checkData, checkSetName } from './environment-data.policy.js';
import { bindingOf } from './secret-binding.policy.js';
import { UUID } from './store/named-sets.repository.js';
import type { SecretEntity } from './store/secret.entity.js';
import { SecretsRepository } from './store/secrets.repository.js';

/** Versions that stay readable for the platform; older ones are gone for good. */
const VERSIONS_KEPT = 10;

/**
 * Named sets of secret environment variables: they go in and never come out again but into functions. Values stand in no
 * answer, error, log line or audit entry; not as a hash either, since a short value could be guessed from it.
 */
@Injectable()
export class SecretsService {
  constructor(
    private readonly database: Database,
    private readonly secrets: SecretsRepository,
    private readonly envelope: Envelope,
    private readonly tenants: TenantsService,
    private readonly quotas: QuotaAdmission,
    private readonly listeners: ConfigurationListeners,
    private readonly audit: AuditService,
    private readonly events: EventsService,
  ) {}

  /** @throws {DomainError} SECRET_NAME_TAKEN, CONFIGURATION_INVALID, QUOTA_EXCEEDED. */
  create(context: TenantContext, name: string, data: Record<string, string>): Promise<SecretEntity> {
    checkSetName(name);
    checkData(data);
    return this.envelope.inTurn(() => this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const id = await this.reserve(context);
      if (await this.secrets.find(context, name)) throw nameTaken('secret', name);
      return this.add(context, id, name, data);
    }));
  }

  /**
   * Creates the secret or gives it a new version; also the same data again is a new version.
   * @param reference its name, or the id of one that exists.
   * @throws {DomainError} SECRET_NOT_FOUND (an unknown id), ETAG_MISMATCH, CONFIGURATION_INVALID, QUOTA_EXCEEDED.
   */
  put(context: TenantContext, reference: string, data: Record<string, string>, expected: ExpectedEtag): Promise<PutResult<SecretEntity>> {
    checkData(data);
    return this.envelope.inTurn(() => this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const known = await this.secrets.find(context, reference, 'change');
      if (known) return { row: await this.replace(context, known, data, expected), created: false };
      if (UUID.test(reference)) throw setNotFound('secret');
      if (expected !== undefined) throw nothingToMatch('secret');
      checkSetName(reference);
      const id = await this.reserve(context);
      // Whoever created the same name meanwhile held the quota that is ours now, so it is visible here.
      const rival = await this.secrets.find(context, reference, 'change');
      if (!rival) return { row: await this.add(context, id, reference, data), created: true };
      await this.quotas.release(context, holderOf(id));
      return { row: await this.replace(context, rival, data, expected), created: false };
    }));
  }

  /** @throws {DomainError} SECRET_NOT_FOUND */
  async get(context: TenantContext, reference: string): Promise<SecretEntity> {
    const found = await this.secrets.find(context, reference);
    if (!found) throw setNotFound('secret');
    return found;
  }

  list(context: TenantContext, request: PageRequest, name?: string): Promise<Page<SecretEntity>> {
    return this.secrets.findPage(context, request, name);
  }

  /** Deletes every version. @throws {DomainError} SECRET_NOT_FOUND, ETAG_MISMATCH, SECRET_IN_USE naming the functions that use it. */
  delete(context: TenantContext, reference: string, expected: ExpectedEtag): Promise<SecretEntity> {
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const secret = await this.secrets.find(context, reference, 'delete');
      if (!secret) throw setNotFound('secret');
      checkEtag(expected, secret);
      const users = await this.listeners.usersOf(context, { kind: 'secret', name: secret.name });
      if (users.length > 0) throw inUse('secret', secret.name, users);
      await this.secrets.remove(context, secret.id);
      await this.quotas.release(context, holderOf(secret.id));
      await this.audit.record(context, { action: 'secret.delete', target: { kind: 'secret', id: secret.id, name: secret.name }, before: factsOf(secret) });
      return secret;
    });
  }

  private async reserve(context: TenantContext): Promise<string> {
    const id = randomUUID();
    await this.quotas.reserve(context, holderOf(id), { secrets: 1 });
    return id;
  }

  private async add(context: TenantContext, id: string, name: string, data: Record<string, string>): Promise<SecretEntity> {
    const now = new Date();
    const secret = await this.secrets.add(context, { tenantId: context.tenantId, id, name, keys: sortedKeys(data), currentVersion: 1, version: 1, createdAt: now, updatedAt: now });
    await this.seal(context, secret, data);
    await this.audit.record(context, { action: 'secret.create', target: { kind: 'secret', id, name }, after: factsOf(secret) });
    await this.listeners.changed(context, { kind: 'secret', name });
    return secret;
  }

  private async replace(context: TenantContext, before: SecretEntity, data: Record<string, string>, expected: ExpectedEtag): Promise<SecretEntity> {
    checkEtag(expected, before);
    const change = { keys: sortedKeys(data), currentVersion: (await this.secrets.lastNumber(context, before.id)) + 1, version: before.version + 1, updatedAt: new Date() };
    const secret = { ...before, ...change };
    await this.secrets.update(context, before.id, change);
    await this.seal(context, secret, data);
    await this.audit.record(context, { action: 'secret.update', target: { kind: 'secret', id: before.id, name: before.name }, before: factsOf(before), after: factsOf(secret) });
    await this.events.record(context, rotated(secret));
    await this.listeners.changed(context, { kind: 'secret', name: before.name });
    return secret;
  }

  private async seal(context: TenantContext, secret: SecretEntity, data: Record<string, string>): Promise<void> {
    const number = secret.currentVersion;
    const plain = Buffer.from(JSON.stringify(data));
    const sealed = await this.envelope.seal(plain, bindingOf(context.tenantId, secret.id, number)).finally(() => plain.fill(0));
    await this.secrets.addVersion(context, { tenantId: context.tenantId, secretId: secret.id, number, ...sealed, keys: secret.keys, createdBy: context.principal.key, createdAt: secret.updatedAt, destroyedAt: null }, number - VERSIONS_KEPT + 1);
  }
}

function sortedKeys(data: Record<string, string>): string[] {
  return Object.keys(data).sort();
}

/** What the audit log may hold a hash of: names and number, never a value. */
export function factsOf(secret: SecretEntity): { version: number; keys: string[] } {
  return { version: secret.currentVersion, keys: secret.keys };
}

/** Another version is the current one. */
export function rotated({ name, currentVersion }: SecretEntity): EventFacts {
  return { type: 'secret.rotated', subject: `secrets/${name}`, data: { secret: name, version: currentVersion } };
}

function holderOf(id: string): string {
  return `secret:${id}`;
}
