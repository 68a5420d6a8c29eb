import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import { CRON_NEWS } from '../cron-news.js';
import { CronTriggerEntity } from './cron-trigger.entity.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

@Injectable()
export class CronTriggersRepository extends TenantRepository<CronTriggerEntity> {
  constructor(database: Database) {
    super(database, CronTriggerEntity);
  }

  add(context: TenantContext, row: CronTriggerEntity): Promise<CronTriggerEntity> {
    return this.insert(context, row);
  }

  /** By name or id (a name never looks like an id). */
  find(context: TenantContext, reference: string, options: { lock?: boolean } = {}): Promise<CronTriggerEntity | null> {
    return this.run(context, (manager) => {
      const query = this.scoped(manager, context, 'row').andWhere(UUID.test(reference) ? 'row.id = :reference' : 'row.name = :reference', { reference });
      return (options.lock ? query.setLock('pessimistic_write') : query).getOne();
    });
  }

  findPage(context: TenantContext, request: PageRequest, name?: string): Promise<Page<CronTriggerEntity>> {
    return this.run(context, (manager) => {
      const query = this.scoped(manager, context, 'row');
      if (name !== undefined) query.andWhere('row.name = :name', { name });
      return this.page(query, 'row', request);
    });
  }

  /** How many the tenant has; nobody else adds one to it until the transaction ends. */
  async countLocked(context: TenantContext): Promise<number> {
    await this.database.statement(context, 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`cron-triggers:${context.tenantId}`]);
    const [row] = await this.database.statement<{ count: number }>(context, 'SELECT count(*)::int AS count FROM cron_trigger WHERE tenant_id = $1', [context.tenantId]);
    return row?.count ?? 0;
  }

  /** By the clock that counts. */
  async now(context: TenantContext): Promise<Date> {
    const [row] = await this.database.statement<{ now: Date }>(context, 'SELECT clock_timestamp() AS now');
    return row!.now;
  }

  async update(context: TenantContext, id: string, change: Partial<CronTriggerEntity>): Promise<void> {
    await this.run(context, (manager) => manager.update(CronTriggerEntity, { tenantId: context.tenantId, id }, change as never));
  }

  async remove(context: TenantContext, id: string): Promise<void> {
    await this.run(context, (manager) => manager.delete(CronTriggerEntity, { tenantId: context.tenantId, id }));
  }

  /** The workers look anew at what is due next, once the transaction has committed. */
  async announce(context: TenantContext): Promise<void> {
    await this.database.statement(context, 'SELECT pg_notify($1, $2)', ['fnplane_work', CRON_NEWS]);
  }
}
