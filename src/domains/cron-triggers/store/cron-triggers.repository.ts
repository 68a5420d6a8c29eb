import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { NamedRepository } from '../../../platform/database/named-repository.js';
import { CRON_NEWS } from '../cron-news.js';
import { CronTriggerEntity } from './cron-trigger.entity.js';

@Injectable()
export class CronTriggersRepository extends NamedRepository<CronTriggerEntity> {
  constructor(database: Database) {
    super(database, CronTriggerEntity);
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

  /** The workers look anew at what is due next, once the transaction has committed. */
  async announce(context: TenantContext): Promise<void> {
    await this.database.statement(context, 'SELECT pg_notify($1, $2)', ['fnplane_work', CRON_NEWS]);
  }
}
