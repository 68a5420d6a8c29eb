import { Injectable } from '@nestjs/common';
import type { EntityManager, SelectQueryBuilder } from 'typeorm';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { selectList } from '../../../platform/database/row-statements.js';
import { NamedRepository } from '../../../platform/database/named-repository.js';
import type { DestinationOutcome } from '../webhook-states.js';
import { WebhookEntity } from './webhook.entity.js';

const COLUMNS = selectList(WebhookEntity, 'row');

/** The addresses and what their owners say of them. */
@Injectable()
export class WebhooksRepository extends NamedRepository<WebhookEntity> {
  constructor(database: Database) {
    super(database, WebhookEntity);
  }

  /** Where a function's asynchronous invocations end. */
  findDestinations(context: TenantContext, functionId: string): Promise<WebhookEntity[]> {
    return this.database.statement<WebhookEntity>(context, `SELECT ${COLUMNS} FROM webhook row WHERE tenant_id = $1 AND function_id = $2 ORDER BY outcome DESC`, [context.tenantId, functionId]);
  }

  async findDestination(context: TenantContext, functionId: string, outcome: DestinationOutcome): Promise<WebhookEntity | undefined> {
    return (await this.findDestinations(context, functionId)).find((row) => row.outcome === outcome);
  }

  /** How many there are; nobody else adds one until the transaction ends. */
  async countLocked(context: TenantContext): Promise<number> {
    await this.database.statement(context, 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`webhooks:${context.tenantId}`]);
    const [row] = await this.database.statement<{ count: number }>(context, 'SELECT count(*)::int AS count FROM webhook WHERE tenant_id = $1 AND name IS NOT NULL', [context.tenantId]);
    return row?.count ?? 0;
  }

  /** Sends again what comes after `sequence`, where that was dealt with already. */
  async rewind(context: TenantContext, id: string, sequence: number): Promise<void> {
    await this.database.statement(context, 'UPDATE webhook SET cursor = least(cursor, $3) WHERE tenant_id = $1 AND id = $2', [context.tenantId, id, sequence]);
  }

  /** @returns how many were removed: less than `limit` where no more are left. */
  async removeSome(context: TenantContext, limit: number): Promise<number> {
    const rows = await this.database.statement(context, 'DELETE FROM webhook WHERE tenant_id = $1 AND id IN (SELECT id FROM webhook WHERE tenant_id = $1 LIMIT $2) RETURNING id', [context.tenantId, limit]);
    return rows.length;
  }

  /** Destinations have no name and are seen where they were named. */
  protected override addressed(manager: EntityManager, context: TenantContext): SelectQueryBuilder<WebhookEntity> {
    return super.addressed(manager, context).andWhere('row.name IS NOT NULL');
  }
}
