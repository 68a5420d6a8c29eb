import { Injectable } from '@nestjs/common';
import type { SelectQueryBuilder } from 'typeorm';
import type { TenantRole } from '../../../platform/auth/permissions.js';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { selectList } from '../../../platform/database/row-statements.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import { MAX_API_KEYS } from '../access-limits.js';
import { ApiKeyEntity } from './api-key.entity.js';

const COLUMNS = selectList(ApiKeyEntity, 'key');
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Revoked keys keep their row, so that the audit log's principals can be told, and are found by nobody. */
@Injectable()
export class ApiKeysRepository extends TenantRepository<ApiKeyEntity> {
  constructor(database: Database) {
    super(database, ApiKeyEntity);
  }

  add(context: TenantContext, key: ApiKeyEntity): Promise<ApiKeyEntity> {
    return this.insert(context, key);
  }

  find(context: TenantContext, reference: string): Promise<ApiKeyEntity | null> {
    return this.run(context, (manager) => this.named(this.live(manager, context), reference).getOne());
  }

  /** By name or id, locked until the transaction ends. */
  lock(context: TenantContext, reference: string): Promise<ApiKeyEntity | null> {
    return this.run(context, (manager) => this.named(this.live(manager, context), reference).setLock('pessimistic_write').getOne());
  }

  count(context: TenantContext): Promise<number> {
    return this.run(context, (manager) => this.live(manager, context).getCount());
  }

  findPage(context: TenantContext, request: PageRequest, name?: string): Promise<Page<ApiKeyEntity>> {
    return this.run(context, (manager) => {
      const query = this.live(manager, context);
      if (name !== undefined) query.andWhere('key.name = :name', { name });
      return this.page(query, 'key', request);
    });
  }

  /** All with one of the roles, in a stable order. Expired ones too: who reads them knows the time better. */
  findByRoles(context: TenantContext, roles: readonly TenantRole[]): Promise<ApiKeyEntity[]> {
    return this.database.statement(context,
      `SELECT ${COLUMNS} FROM api_key key WHERE tenant_id = $1 AND revoked_at IS NULL AND role = ANY ($2) ORDER BY id LIMIT ${MAX_API_KEYS}`, [context.tenantId, roles]);
  }

  async change(context: TenantContext, id: string, change: Partial<ApiKeyEntity>): Promise<void> {
    await this.run(context, (manager) => manager.update(ApiKeyEntity, { tenantId: context.tenantId, id }, change));
  }

  /** Notes when keys were last used; one statement for all of them, at most one write a minute and key however many processes ask. */
  async touch(context: SystemContext, uses: readonly { id: string; at: Date }[]): Promise<void> {
    await this.database.transaction(context, (manager) => manager.query(
      `UPDATE api_key SET last_used_at = used.at FROM unnest($1::uuid[], $2::timestamptz[]) AS used (id, at)
       WHERE api_key.id = used.id AND (api_key.last_used_at IS NULL OR api_key.last_used_at < used.at - interval '55 seconds')`,
      [uses.map((use) => use.id), uses.map((use) => use.at)]));
  }

  private named(query: SelectQueryBuilder<ApiKeyEntity>, reference: string): SelectQueryBuilder<ApiKeyEntity> {
    return query.andWhere(UUID.test(reference) ? 'key.id = :reference' : 'key.name = :reference', { reference });
  }

  private live(manager: Parameters<Parameters<Database['transaction']>[1]>[0], context: TenantContext) {
    return this.scoped(manager, context, 'key').andWhere('key.revokedAt IS NULL');
  }

  /** Of a tenant that is gone. */
  async removeAll(context: TenantContext): Promise<void> {
    await this.database.statement(context, 'DELETE FROM api_key WHERE tenant_id = $1', [context.tenantId]);
  }
}
