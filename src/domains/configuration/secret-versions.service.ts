import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Envelope } from '../../platform/crypto/envelope.js';
import { Database } from '../../platform/database/database.js';
import { encodeCursor, type Page, type PageRequest } from '../../platform/database/page.js';
import { checkEtag, type ExpectedEtag } from '../../platform/rest/etag.js';
import { AuditService } from '../audit/audit.service.js';
import { EventsService } from '../events/events.service.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { setNotFound, versionDestroyed, versionIsCurrent, versionNotFound } from './configuration.errors.js';
import { ConfigurationListeners } from './configuration-listeners.js';
import { bindingOf } from './secret-binding.policy.js';
import type { SecretVersionState } from './secret-version-states.js';
import { factsOf, rotated } from './secrets.service.js';
import type { SecretEntity } from './store/secret.entity.js';
import type { SecretVersionEntity } from './store/secret-version.entity.js';
import { SecretVersionsRepository, type SecretVersionFacts } from './store/secret-versions.repository.js';
import { SecretsRepository } from './store/secrets.repository.js';

/** A version as it may be told of, with what became of it. */
export interface SecretVersion extends SecretVersionFacts {
  state: SecretVersionState;
}

/** The kept versions of secrets: told of by number and names of values, made current again, destroyed. Never read. */
@Injectable()
export class SecretVersionsService {
  constructor(
    private readonly database: Database,
    private readonly secrets: SecretsRepository,
    private readonly versions: SecretVersionsRepository,
    private readonly envelope: Envelope,
    private readonly tenants: TenantsService,
    private readonly listeners: ConfigurationListeners,
    private readonly audit: AuditService,
    private readonly events: EventsService,
  ) {}

  /** Oldest first. @throws {DomainError} SECRET_NOT_FOUND */
  list(context: TenantContext, reference: string, request: PageRequest): Promise<Page<SecretVersion>> {
    return this.database.transaction(context, async () => {
      const secret = await this.secrets.find(context, reference);
      if (!secret) throw setNotFound('secret');
      const page = await this.versions.findPage(context, secret.id, request);
      return { ...page, items: page.items.map((version) => told(version, secret.currentVersion)) };
    });
  }

  /** First pages of several secrets' versions, in their order. */
  async firstVersions(context: TenantContext, secrets: readonly { id: string; version: number }[], limit: number): Promise<Page<SecretVersion>[]> {
    const rows = await this.versions.findFirst(context, secrets.map(({ id }) => id), limit);
    return secrets.map(({ id, version }) => firstPage(rows.filter(({ secretId }) => secretId === id).map((row) => told(row, version)), limit));
  }

  /**
   * Makes a kept version the current one again: functions follow it as they follow a new value. It is opened before, so that
   * what cannot be opened any more never becomes current. The current one stays as it is.
   * @throws {DomainError} SECRET_NOT_FOUND, SECRET_VERSION_NOT_FOUND, SECRET_VERSION_DESTROYED, ETAG_MISMATCH, SECRET_UNREADABLE.
   */
  activate(context: TenantContext, reference: string, number: number, expected: ExpectedEtag): Promise<SecretEntity> {
    return this.database.transaction(context, async () => {
      const { secret, version } = await this.locked(context, reference, number, expected);
      if (version.destroyedAt !== null) throw versionDestroyed(secret.name, number);
      if (secret.currentVersion === number) return secret;
      const change = { keys: await this.keysOf(context, version), currentVersion: number, version: secret.version + 1, updatedAt: new Date() };
      const after = { ...secret, ...change };
      await this.secrets.update(context, secret.id, change);
      await this.audit.record(context, { action: 'secret.activate', target: { kind: 'secret', id: secret.id, name: secret.name }, before: factsOf(secret), after: factsOf(after) });
      await this.events.record(context, rotated(after));
      await this.listeners.changed(context, { kind: 'secret', name: secret.name });
      return after;
    });
  }

  /**
   * Destroys a version's data key and values for good; again it changes nothing.
   * @throws {DomainError} SECRET_NOT_FOUND, SECRET_VERSION_NOT_FOUND, SECRET_VERSION_CURRENT, ETAG_MISMATCH.
   */
  destroy(context: TenantContext, reference: string, number: number, expected: ExpectedEtag): Promise<SecretEntity> {
    return this.database.transaction(context, async () => {
      const { secret, version } = await this.locked(context, reference, number, expected);
      if (secret.currentVersion === number) throw versionIsCurrent(secret.name, number);
      if (version.destroyedAt !== null) return secret;
      await this.versions.destroy(context, secret.id, number, new Date());
      await this.audit.record(context, { action: 'secret.destroy-version', target: { kind: 'secret', id: secret.id, name: secret.name }, before: { version: number, keys: version.keys } });
      return secret;
    });
  }

  private async locked(context: TenantContext, reference: string, number: number, expected: ExpectedEtag): Promise<{ secret: SecretEntity; version: SecretVersionEntity }> {
    await this.tenants.requireWritable(context);
    const secret = await this.secrets.find(context, reference, 'change');
    if (!secret) throw setNotFound('secret');
    checkEtag(expected, secret);
    const version = await this.versions.find(context, secret.id, number);
    if (!version) throw versionNotFound();
    return { secret, version };
  }

  private async keysOf(context: TenantContext, version: SecretVersionEntity): Promise<string[]> {
    const plain = await this.envelope.open(version, bindingOf(context.tenantId, version.secretId, version.number));
    const keys = Object.keys(JSON.parse(plain.toString('utf8')) as Record<string, string>).sort();
    plain.fill(0);
    return keys;
  }
}

function told(version: SecretVersionFacts, current: number): SecretVersion {
  return { ...version, state: version.destroyedAt !== null ? 'destroyed' : version.number === current ? 'current' : 'previous' };
}

function firstPage(rows: SecretVersion[], limit: number): Page<SecretVersion> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last ? encodeCursor({ time: last.createdAt.toISOString(), id: String(last.number) }) : null };
}
