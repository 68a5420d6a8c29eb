import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { selectList } from '../../../platform/database/row-statements.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import type { DestinationOutcome } from '../webhook-states.js';
import { WebhookEntity } from './webhook.entity.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const COLUMNS = selectList(WebhookEntity, 'row');

/** The addresses and what their owners say of them. */
@Injectable()
export class WebhooksRepository extends TenantRepository<WebhookEntity> {
  constructor(database: Database) {
    super(database, WebhookEntity);
  }

  add(context: TenantContext, row: WebhookEntity): Promise<WebhookEntity> {
    return this.insert(context, row);
  }

  /** By name or id (a name never looks like an id); no destinations. */
  find(context: TenantContext, reference: string, options: { lock?: boolean } = {}): Promise<WebhookEntity | null> {
    return this.run(context, (manager) => {
      const query = this.scoped(manager, context, 'row').andWhere('row.name IS NOT NULL').andWhere(UUID.test(reference) ? 'row.id = :reference' : 'row.name = :reference', { reference });
      return (options.lock ? query.setLock('pessimistic_write') : query).getOne();
    });
  }

  /** Where a function's asynchronous invocations end. */
  findDestinations(context: TenantContext, functionId: string): Promise<WebhookEntity[]> {
    return this.database.statement<WebhookEntity>(context, `SELECT ${COLUMNS} FROM webhook row WHERE tenant_id = $1 AND function_id = $2 ORDER BY outcome DESC`, [context.tenantId, functionId]);
  }

  async findDestination(context: TenantContext, functionId: string, outcome: DestinationOutcome): Promise<WebhookEntity | undefined> {
    return (await this.findDestinations(context, functionId)).find((row) => row.outcome === outcome);
  }

  findPage(context: TenantContext, request: PageRequest, name?: string): Promise<Page<WebhookEntity>> {
    return this.run(context, (manager) => {
      const query = this.scoped(manager, context, 'row').andWhere('row.name IS NOT NULL');
      if (name !== undefined) query.andWhere('row.name = :name', { name });
      return this.page(query, 'row', request);
    });
  }

  /** How many there are; nobody else adds one until the transaction ends. */
  async countLocked(context: TenantContext): Promise<number> {
    await this.database.statement(context, 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`webhooks:${context.tenantId}`]);
    const [row] = await this.database.statement<{ count: number }>(context, 'SELECT count(*)::int AS count FROM webhook WHERE tenant_id = $1 AND name IS NOT NULL', [context.tenantId]);
    return row?.count ?? 0;
  }

  async update(context: TenantContext, id: string, change: Partial<WebhookEntity>): Promise<void> {
    await this.run(context, (manager) => manager.update(WebhookEntity, { tenantId: context.tenantId, id }, change as never));
  }

  /** Sends again what comes after `sequence`, where that was dealt with already. */
  async rewind(context: TenantContext, id: string, sequence: number): Promise<void> {
    await this.database.statement(context, 'UPDATE webhook SET cursor = least(cursor, $3) WHERE tenant_id = $1 AND id = $2', [context.tenantId, id, sequence]);
  }

  async remove(context: TenantContext, id: string): Promise<void> {
    await this.run(context, (manager) => manager.delete(WebhookEntity, { tenantId: context.tenantId, id }));
  }

  /** @returns how many were removed: less than `limit` where no more are left. */
  async removeSome(context: TenantContext, limit: number): Promise<number> {
    const rows = await this.database.statement(context, 'DELETE FROM webhook WHERE tenant_id = $1 AND id IN (SELECT id FROM webhook WHERE tenant_id = $1 LIMIT $2) RETURNING id', [context.tenantId, limit]);
    return rows.length;
  }
}
