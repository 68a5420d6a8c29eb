import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import { KafkaTriggerEntity } from './kafka-trigger.entity.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

@Injectable()
export class KafkaTriggersRepository extends TenantRepository<KafkaTriggerEntity> {
  constructor(database: Database) {
    super(database, KafkaTriggerEntity);
  }

  add(context: TenantContext, row: KafkaTriggerEntity): Promise<KafkaTriggerEntity> {
    return this.insert(context, row);
  }

  /** By name or id (a name never looks like an id). */
  find(context: TenantContext, reference: string, options: { lock?: boolean } = {}): Promise<KafkaTriggerEntity | null> {
    return this.run(context, (manager) => {
      const query = this.scoped(manager, context, 'row').andWhere(UUID.test(reference) ? 'row.id = :reference' : 'row.name = :reference', { reference });
      return (options.lock ? query.setLock('pessimistic_write') : query).getOne();
    });
  }

  findPage(context: TenantContext, request: PageRequest, name?: string): Promise<Page<KafkaTriggerEntity>> {
    return this.run(context, (manager) => {
      const query = this.scoped(manager, context, 'row');
      if (name !== undefined) query.andWhere('row.name = :name', { name });
      return this.page(query, 'row', request);
    });
  }

  /** How many the tenant has; nobody else adds one until the transaction ends. */
  async countLocked(context: TenantContext): Promise<number> {
    await this.database.statement(context, 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`kafka-triggers:${context.tenantId}`]);
    const [row] = await this.database.statement<{ count: number }>(context, 'SELECT count(*)::int AS count FROM kafka_trigger WHERE tenant_id = $1', [context.tenantId]);
    return row?.count ?? 0;
  }

  async update(context: TenantContext, id: string, change: Partial<KafkaTriggerEntity>): Promise<void> {
    await this.run(context, (manager) => manager.update(KafkaTriggerEntity, { tenantId: context.tenantId, id }, change as never));
  }

  async remove(context: TenantContext, id: string): Promise<void> {
    await this.run(context, (manager) => manager.delete(KafkaTriggerEntity, { tenantId: context.tenantId, id }));
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
