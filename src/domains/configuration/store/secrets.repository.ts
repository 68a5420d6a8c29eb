import { Injectable } from '@nestjs/common';
import { In, IsNull } from 'typeorm';
import type { TenantContext } from '../../../platform/context/context.js';
import { retired } from '../../../platform/crypto/key-register.js';
import { Database, postgresCode } from '../../../platform/database/database.js';
import { NamedSetsRepository } from './named-sets.repository.js';
import { SecretEntity } from './secret.entity.js';
import { SecretVersionEntity } from './secret-version.entity.js';

/** What the triggers of `secret_version` raise. */
export const KEY_NOT_ACTIVE = 'FN001';

@Injectable()
export class SecretsRepository extends NamedSetsRepository<SecretEntity> {
  constructor(database: Database) {
    super(database, SecretEntity);
  }

  async update(context: TenantContext, id: string, change: Pick<SecretEntity, 'keys' | 'currentVersion' | 'version' | 'updatedAt'>): Promise<void> {
    await this.run(context, (manager) => manager.update(SecretEntity, { tenantId: context.tenantId, id }, change as never));
  }

  /** The highest number any of its versions ever had: numbers are not used twice, also after an older one was made current again. Hold the secret's lock. */
  async lastNumber(context: TenantContext, id: string): Promise<number> {
    const [row] = await this.database.statement<{ last: number }>(context, 'SELECT max(number) AS last FROM secret_version WHERE tenant_id = $1 AND secret_id = $2', [context.tenantId, id]);
    return row?.last ?? 0;
  }

  /**
   * Adds a version and forgets those with a number below `oldestKept`: their data keys go with them.
   * @throws {DomainError} ENCRYPTION_KEY_RETIRED when its key was retired after this process had begun to seal with it.
   */
  async addVersion(context: TenantContext, version: SecretVersionEntity, oldestKept: number): Promise<void> {
    await this.run(context, async (manager) => {
      await manager.insert(SecretVersionEntity, version as never).catch((error: unknown) => {
        throw postgresCode(error) === KEY_NOT_ACTIVE ? retired(version.keyId) : error;
      });
      await manager.query('DELETE FROM secret_version WHERE tenant_id = $1 AND secret_id = $2 AND number < $3', [context.tenantId, version.secretId, oldestKept]);
    });
  }

  /** The sealed current version of each of the secrets; those without a value are left out. */
  async findCurrent(context: TenantContext, secrets: readonly SecretEntity[]): Promise<SecretVersionEntity[]> {
    if (secrets.length === 0) return [];
    const versions = await this.run(context, (manager) => manager.createQueryBuilder(SecretVersionEntity, 'version')
      .innerJoin(SecretEntity, 'secret', 'secret.tenantId = version.tenantId AND secret.id = version.secretId AND secret.currentVersion = version.number')
      .where({ tenantId: context.tenantId, secretId: In(secrets.map((secret) => secret.id)), destroyedAt: IsNull() }).getMany());
    return versions;
  }
}
