import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Context, SystemContext, TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { insertStatement, selectList } from '../../../platform/database/row-statements.js';
import { pageByAge } from '../../../platform/database/tenant-repository.js';
import { TenantEntity } from './tenant.entity.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const COLUMNS = selectList(TenantEntity, 'tenant');

/** Whose tenants a listing shows: all of them (platform roles), those of a member, or the one an API key belongs to, where it may read it. */
export type TenantAudience = { all: true } | { all: false; issuer: string; subject: string } | { all: false; tenantIds: string[] };

/** Rows of `tenant` itself: the one table that is scoped by its own id. */
@Injectable()
export class TenantsRepository {
  constructor(private readonly database: Database) {}

  async insert(context: SystemContext, tenant: TenantEntity): Promise<void> {
    const { text, values } = insertStatement(TenantEntity, tenant);
    await this.database.statement(context, text, values);
  }

  /** By name or id; deleted tenants are not found. */
  findLive(context: SystemContext, reference: string): Promise<TenantEntity | null> {
    return this.database.transaction(context, (manager) => live(manager)
      .andWhere(UUID.test(reference) ? 'tenant.id = :reference' : 'tenant.name = :reference', { reference }).getOne());
  }

  /** Also a deleted one, for the job that has just ended it. */
  async findAny(context: Context, id: string): Promise<TenantEntity | null> {
    const rows = await this.database.statement<TenantEntity>(context, `SELECT ${COLUMNS} FROM tenant WHERE id = $1`, [id]);
    return rows[0] ?? null;
  }

  /** The context's own row. */
  async getOwn(context: TenantContext): Promise<TenantEntity | null> {
    const rows = await this.database.statement<TenantEntity>(context, `SELECT ${COLUMNS} FROM tenant WHERE id = $1 AND state <> 'deleted'`, [context.tenantId]);
    return rows[0] ?? null;
  }

  /** The context's own row, held against a deletion or suspension that would begin before the transaction ends. */
  async holdOwn(context: TenantContext): Promise<TenantEntity | null> {
    const rows = await this.database.statement<TenantEntity>(context, `SELECT ${COLUMNS} FROM tenant WHERE id = $1 AND state <> 'deleted' FOR SHARE`, [context.tenantId]);
    return rows[0] ?? null;
  }

  /** The context's own row, locked until the transaction ends; rows that only refer to it (audit entries of refusals) may still be added. */
  lockOwn(context: TenantContext): Promise<TenantEntity | null> {
    return this.database.transaction(context, (manager) => live(manager).andWhere('tenant.id = :id', { id: context.tenantId }).setLock('for_no_key_update').getOne());
  }

  async update(context: Context, id: string, change: Partial<TenantEntity>): Promise<void> {
    await this.database.transaction(context, (manager) => manager.update(TenantEntity, { id }, change as never));
  }

  findPage(context: SystemContext, audience: TenantAudience, request: PageRequest, name?: string): Promise<Page<TenantEntity>> {
    return this.database.transaction(context, (manager) => {
      const query = live(manager);
      if (!audience.all && 'subject' in audience) {
        query.andWhere('tenant.id IN (SELECT member.tenant_id FROM member WHERE member.issuer = :issuer AND member.subject = :subject)', { issuer: audience.issuer, subject: audience.subject });
      } else if (!audience.all) {
        query.andWhere('tenant.id = ANY (:only)', { only: audience.tenantIds });
      }
      if (name !== undefined) query.andWhere('tenant.name = :name', { name });
      return pageByAge(query, 'tenant', request);
    });
  }
}

function live(manager: EntityManager) {
  return manager.createQueryBuilder(TenantEntity, 'tenant').where(`tenant.state <> 'deleted'`);
}
