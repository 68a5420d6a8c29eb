import { Injectable } from '@nestjs/common';
import type { SystemContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';

/** How long, and how much of each tenant, is kept. */
export interface LogRetention {
  days: number;
  bytes: number;
}

/** Takes away what is old or too much, over all tenants. */
@Injectable()
export class LogCleaningRepository {
  constructor(private readonly database: Database) {}

  /** Tenants with more than they may keep, and those nobody has looked at for an hour. */
  async findDue(context: SystemContext, bytes: number, limit: number): Promise<string[]> {
    const rows = await this.database.statement<{ tenantId: string }>(context,
      `SELECT tenant_id AS "tenantId" FROM log_volume WHERE bytes > $1 OR swept_at < clock_timestamp() - interval '1 hour' ORDER BY bytes > $1 DESC, swept_at LIMIT $2`, [bytes, limit]);
    return rows.map(({ tenantId }) => tenantId);
  }

  /**
   * Removes the tenant's oldest entries, at most `limit`, as far as they are too old or too many. What is kept is counted anew first.
   * @returns how many: less than `limit` where nothing more is due.
   */
  removeOldest(context: SystemContext, tenantId: string, { days, bytes }: LogRetention, limit: number): Promise<number> {
    return this.database.transaction(context, async () => {
      // Nobody adds any from here on.
      await this.database.statement(context, 'SELECT FROM log_volume WHERE tenant_id = $1 FOR UPDATE', [tenantId]);
      const [kept] = await this.database.statement<{ bytes: string }>(context,
        'UPDATE log_volume SET swept_at = clock_timestamp(), bytes = (SELECT coalesce(sum(bytes), 0) FROM log_entry WHERE tenant_id = $1) WHERE tenant_id = $1 RETURNING bytes', [tenantId]);
      if (!kept) return 0;
      const removed = await this.database.statement<{ bytes: number }>(context,
        `DELETE FROM log_entry WHERE tenant_id = $1 AND position IN (
           SELECT position FROM (
             SELECT position, collected_at, sum(bytes) OVER (ORDER BY position) - bytes AS before FROM log_entry WHERE tenant_id = $1 ORDER BY position LIMIT $4
           ) oldest WHERE before < $2::bigint OR collected_at < clock_timestamp() - $3 * interval '1 day'
         ) RETURNING bytes`, [tenantId, Math.max(0, Number(kept.bytes) - bytes), days, limit]);
      // Where there may be more, it is looked at again at once.
      await this.database.statement(context, `UPDATE log_volume SET bytes = bytes - $2::bigint, swept_at = CASE WHEN $3 THEN '-infinity' ELSE swept_at END WHERE tenant_id = $1`,
        [tenantId, removed.reduce((sum, row) => sum + row.bytes, 0), removed.length === limit]);
      return removed.length;
    });
  }

  /** Of pods that said nothing for so long: what they said before is not kept, so that reading it again brings nothing. */
  async removeSources(context: SystemContext, days: number, limit: number): Promise<number> {
    const rows = await this.database.statement(context,
      `DELETE FROM log_source WHERE (tenant_id, pod_uid) IN (SELECT tenant_id, pod_uid FROM log_source WHERE read_at < clock_timestamp() - $1 * interval '1 day' ORDER BY read_at LIMIT $2) RETURNING pod_uid`, [days, limit]);
    return rows.length;
  }

  /** All of a tenant. @returns how many entries were removed: less than `limit` where none are left. */
  removeTenant(context: SystemContext, tenantId: string, limit: number): Promise<number> {
    return this.database.transaction(context, async () => {
      const rows = await this.database.statement(context, 'DELETE FROM log_entry WHERE tenant_id = $1 AND position IN (SELECT position FROM log_entry WHERE tenant_id = $1 LIMIT $2) RETURNING position', [tenantId, limit]);
      if (rows.length < limit) {
        await this.database.statement(context, 'DELETE FROM log_source WHERE tenant_id = $1', [tenantId]);
        await this.database.statement(context, 'DELETE FROM log_volume WHERE tenant_id = $1', [tenantId]);
      }
      return rows.length;
    });
  }
}
