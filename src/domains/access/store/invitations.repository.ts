import { Injectable } from '@nestjs/common';
import type { EntityManager, SelectQueryBuilder } from 'typeorm';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { selectList } from '../../../platform/database/row-statements.js';
import { pageByAge, TenantRepository } from '../../../platform/database/tenant-repository.js';
import { InvitationEntity } from './invitation.entity.js';

const COLUMNS = selectList(InvitationEntity, 'invitation');

/** An expired invitation is found by nobody; its row goes when the tenant next invites somebody. */
@Injectable()
export class InvitationsRepository extends TenantRepository<InvitationEntity> {
  constructor(database: Database) {
    super(database, InvitationEntity);
  }

  add(context: TenantContext, invitation: InvitationEntity): Promise<InvitationEntity> {
    return this.insert(context, invitation);
  }

  find(context: TenantContext, id: string): Promise<InvitationEntity | null> {
    return this.run(context, (manager) => this.live(manager, context).andWhere('invitation.id = :id', { id }).getOne());
  }

  count(context: TenantContext): Promise<number> {
    return this.run(context, (manager) => this.live(manager, context).getCount());
  }

  findPage(context: TenantContext, request: PageRequest, email?: string): Promise<Page<InvitationEntity>> {
    return this.run(context, (manager) => {
      const query = this.live(manager, context);
      if (email !== undefined) query.andWhere('invitation.email = :email', { email });
      return this.page(query, 'invitation', request);
    });
  }

  /** False when somebody else withdrew or accepted it first. */
  async remove(context: TenantContext, id: string): Promise<boolean> {
    const result = await this.run(context, (manager) => manager.delete(InvitationEntity, { tenantId: context.tenantId, id }));
    return result.affected === 1;
  }

  async removeExpired(context: TenantContext): Promise<void> {
    await this.database.statement(context, 'DELETE FROM invitation WHERE tenant_id = $1 AND expires_at <= clock_timestamp()', [context.tenantId]);
  }

  async removeAll(context: TenantContext): Promise<void> {
    await this.database.statement(context, 'DELETE FROM invitation WHERE tenant_id = $1', [context.tenantId]);
  }

  /** Those to one address, of all tenants that can be entered. */
  findPageFor(context: SystemContext, email: string, request: PageRequest): Promise<Page<InvitationEntity>> {
    return this.database.transaction(context, (manager) => pageByAge(
      onlyLive(manager.createQueryBuilder(InvitationEntity, 'invitation').where('invitation.email = :email', { email }))
        .andWhere(`invitation.tenantId IN (SELECT tenant.id FROM tenant WHERE tenant.state = 'active')`), 'invitation', request));
  }

  /** Takes the invitation away for the one person it is for: of several who ask at once, one gets it. */
  async take(context: SystemContext, id: string, email: string): Promise<InvitationEntity | null> {
    const rows = await this.database.statement<InvitationEntity>(context,
      `DELETE FROM invitation USING tenant WHERE invitation.id = $1 AND invitation.email = $2 AND invitation.expires_at > clock_timestamp()
         AND tenant.id = invitation.tenant_id AND tenant.state = 'active' RETURNING ${COLUMNS}`, [id, email]);
    return rows[0] ?? null;
  }

  private live(manager: EntityManager, context: TenantContext): SelectQueryBuilder<InvitationEntity> {
    return onlyLive(this.scoped(manager, context, 'invitation'));
  }
}

function onlyLive(query: SelectQueryBuilder<InvitationEntity>): SelectQueryBuilder<InvitationEntity> {
  return query.andWhere('invitation.expiresAt > clock_timestamp()');
}
