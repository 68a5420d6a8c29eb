import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import { SecretVersionEntity } from './secret-version.entity.js';

/** What may be told of a version: its sealed columns are not even read. */
export type SecretVersionFacts = Omit<SecretVersionEntity, 'keyId' | 'wrappedKey' | 'sealed'>;

const FACTS = ['tenantId', 'secretId', 'number', 'keys', 'createdBy', 'createdAt', 'destroyedAt'] as const satisfies readonly (keyof SecretVersionFacts)[];

@Injectable()
export class SecretVersionsRepository extends TenantRepository<SecretVersionEntity> {
  constructor(database: Database) {
    super(database, SecretVersionEntity);
  }

  /** Oldest first. */
  findPage(context: TenantContext, secretId: string, request: PageRequest): Promise<Page<SecretVersionFacts>> {
    return this.run(context, (manager) => {
      const query = this.scoped(manager, context, 'version').select(FACTS.map((column) => `version.${column}`)).andWhere('version.secretId = :secretId', { secretId });
      return this.page(query, 'version', request, 'createdAt', 'number');
    });
  }

  /** First pages of several secrets in one statement: at most `limit + 1` versions of each, oldest first. */
  findFirst(context: TenantContext, secretIds: readonly string[], limit: number): Promise<SecretVersionFacts[]> {
    return this.run(context, (manager) => manager.query<SecretVersionFacts[]>(
      `SELECT version.tenant_id AS "tenantId", version.secret_id AS "secretId", version.number, version.keys, version.created_by AS "createdBy",
         version.created_at AS "createdAt", version.destroyed_at AS "destroyedAt"
       FROM unnest($2::uuid[]) AS wanted (id), LATERAL (
         SELECT * FROM secret_version WHERE tenant_id = $1 AND secret_id = wanted.id
         ORDER BY date_trunc('milliseconds', created_at), number::text LIMIT $3
       ) version`, [context.tenantId, secretIds, limit + 1]));
  }

  /** With its sealed columns. */
  find(context: TenantContext, secretId: string, number: number): Promise<SecretVersionEntity | null> {
    return this.run(context, (manager) => this.scoped(manager, context, 'version').andWhere('version.secretId = :secretId AND version.number = :number', { secretId, number }).getOne());
  }

  /** Names of the values that versions had, destroyed ones included; nothing of versions that are no longer kept. */
  findKeys(context: TenantContext, versions: readonly { secretId: string; number: number }[]): Promise<{ secretId: string; keys: string[] | null }[]> {
    if (versions.length === 0) return Promise.resolve([]);
    return this.database.statement<{ secretId: string; keys: string[] | null }>(context,
      `SELECT version.secret_id AS "secretId", version.keys FROM secret_version version
       JOIN unnest($2::uuid[], $3::integer[]) AS wanted (id, number) ON wanted.id = version.secret_id AND wanted.number = version.number
       WHERE version.tenant_id = $1`, [context.tenantId, versions.map(({ secretId }) => secretId), versions.map(({ number }) => number)]);
  }

  /** Takes data key and values away for good; the row stays to tell of it. */
  async destroy(context: TenantContext, secretId: string, number: number, at: Date): Promise<void> {
    await this.run(context, (manager) => manager.query(
      'UPDATE secret_version SET key_id = NULL, wrapped_key = NULL, sealed = NULL, destroyed_at = $4 WHERE tenant_id = $1 AND secret_id = $2 AND number = $3',
      [context.tenantId, secretId, number, at]));
  }
}
