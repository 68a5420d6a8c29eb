import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { NamedRepository } from '../../../platform/database/named-repository.js';
import { KafkaTriggerEntity } from './kafka-trigger.entity.js';

@Injectable()
export class KafkaTriggersRepository extends NamedRepository<KafkaTriggerEntity> {
  constructor(database: Database) {
    super(database, KafkaTriggerEntity);
  }

  /** How many the tenant has; nobody else adds one until the transaction ends. */
  async countLocked(context: TenantContext): Promise<number> {
    await this.database.statement(context, 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`kafka-triggers:${context.tenantId}`]);
    const [row] = await this.database.statement<{ count: number }>(context, 'SELECT count(*)::int AS count FROM kafka_trigger WHERE tenant_id = $1', [context.tenantId]);
    return row?.count ?? 0;
  }

  /** Those that sign in by the secret, by name. */
  findUsers(context: TenantContext, secret: string): Promise<Pick<KafkaTriggerEntity, 'id' | 'name'>[]> {
    return this.database.statement(context, 'SELECT id, name FROM kafka_trigger WHERE tenant_id = $1 AND secret = $2 ORDER BY name', [context.tenantId, secret]);
  }

  /** Has the consumers of all that sign in by the secret start anew. @returns their ids. */
  async restartUsers(context: TenantContext, secret: string): Promise<string[]> {
    const rows = await this.database.statement<{ id: string }>(context,
      'UPDATE kafka_trigger SET epoch = epoch + 1, failures = 0 WHERE tenant_id = $1 AND secret = $2 RETURNING id', [context.tenantId, secret]);
    return rows.map(({ id }) => id);
  }
}
