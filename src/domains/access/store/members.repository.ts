import { Injectable } from '@nestjs/common';
import type { TenantRole } from '../../../platform/auth/permissions.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { selectList } from '../../../platform/database/row-statements.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import { MAX_MEMBERS } from '../access-limits.js';
import { MemberEntity } from './member.entity.js';

const COLUMNS = selectList(MemberEntity, 'member');

export interface MemberFilter {
  issuer?: string;
  subject?: string;
}

@Injectable()
export class MembersRepository extends TenantRepository<MemberEntity> {
  constructor(database: Database) {
    super(database, MemberEntity);
  }

  add(context: TenantContext, member: MemberEntity): Promise<MemberEntity> {
    return this.insert(context, member);
  }

  find(context: TenantContext, id: string): Promise<MemberEntity | null> {
    return this.run(context, (manager) => this.scoped(manager, context, 'member').andWhere('member.id = :id', { id }).getOne());
  }

  /** The row, locked until the transaction ends. */
  lock(context: TenantContext, id: string): Promise<MemberEntity | null> {
    return this.run(context, (manager) => this.scoped(manager, context, 'member').andWhere('member.id = :id', { id }).setLock('pessimistic_write').getOne());
  }

  /** Locks all owners, in one order for everybody, and counts them: two owners who remove each other at once cannot both succeed. */
  async lockOwners(context: TenantContext): Promise<number> {
    const owners = await this.run(context, (manager) =>
      this.scoped(manager, context, 'member').andWhere(`member.role = 'owner'`).orderBy('member.id').setLock('pessimistic_write').getMany());
    return owners.length;
  }

  count(context: TenantContext): Promise<number> {
    return this.run(context, (manager) => this.scoped(manager, context, 'member').getCount());
  }

  findPage(context: TenantContext, request: PageRequest, filter: MemberFilter): Promise<Page<MemberEntity>> {
    return this.run(context, (manager) => {
      const query = this.scoped(manager, context, 'member');
      if (filter.issuer !== undefined) query.andWhere('member.issuer = :issuer', { issuer: filter.issuer });
      if (filter.subject !== undefined) query.andWhere('member.subject = :subject', { subject: filter.subject });
      return this.page(query, 'member', request);
    });
  }

  /** All with one of the roles, in a stable order. */
  findByRoles(context: TenantContext, roles: readonly TenantRole[]): Promise<MemberEntity[]> {
    return this.database.statement(context, `SELECT ${COLUMNS} FROM member WHERE tenant_id = $1 AND role = ANY ($2) ORDER BY id LIMIT ${MAX_MEMBERS}`, [context.tenantId, roles]);
  }

  async change(context: TenantContext, id: string, change: Pick<MemberEntity, 'role' | 'version'>): Promise<void> {
    await this.run(context, (manager) => manager.update(MemberEntity, { tenantId: context.tenantId, id }, change));
  }

  async remove(context: TenantContext, id: string): Promise<void> {
    await this.run(context, (manager) => manager.delete(MemberEntity, { tenantId: context.tenantId, id }));
  }

  /** Of a tenant that is gone. */
  async removeAll(context: TenantContext): Promise<void> {
    await this.database.statement(context, 'DELETE FROM member WHERE tenant_id = $1', [context.tenantId]);
  }
}
