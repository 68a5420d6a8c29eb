import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import type { PoolBounds } from '../pool-bounds.policy.js';
import { WarmPoolEntity } from './warm-pool.entity.js';

@Injectable()
export class PoolsRepository extends TenantRepository<WarmPoolEntity> {
  constructor(database: Database) {
    super(database, WarmPoolEntity);
  }

  async find(context: TenantContext): Promise<WarmPoolEntity | null> {
    return this.run(context, (manager) => this.scoped(manager, context, 'pool').getOne());
  }

  async write(context: TenantContext, runtimes: readonly PoolBounds[], version: number, updatedAt: Date): Promise<void> {
    await this.database.statement(context,
      `INSERT INTO warm_pool (tenant_id, runtimes, version, updated_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT (tenant_id) DO UPDATE SET runtimes = excluded.runtimes, version = excluded.version, updated_at = excluded.updated_at`,
      [context.tenantId, JSON.stringify(runtimes), version, updatedAt]);
  }

  async remove(context: TenantContext): Promise<void> {
    await this.database.statement(context, 'DELETE FROM warm_pool WHERE tenant_id = $1', [context.tenantId]);
  }
}
