import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import type { OperationState } from '../operation-state.js';
import { OperationEntity } from './operation.entity.js';

export interface OperationOutcome {
  state: Exclude<OperationState, 'running'>;
  reason?: string;
  message?: string;
}

@Injectable()
export class OperationsRepository extends TenantRepository<OperationEntity> {
  constructor(database: Database) {
    super(database, OperationEntity);
  }

  add(context: TenantContext, operation: OperationEntity): Promise<OperationEntity> {
    return this.insert(context, operation);
  }

  find(context: TenantContext, id: string): Promise<OperationEntity | null> {
    return this.run(context, (manager) => this.scoped(manager, context, 'operation').andWhere('operation.id = :id', { id }).getOne());
  }

  findPage(context: TenantContext, request: PageRequest): Promise<Page<OperationEntity>> {
    return this.run(context, (manager) => this.page(this.scoped(manager, context, 'operation'), 'operation', request));
  }

  /** Ends the running operations of a target up to a generation (all of them when none is given). */
  async finish(context: TenantContext, targetId: string, outcome: OperationOutcome, upTo?: { generation: number; exclusive: boolean }): Promise<void> {
    await this.database.statement(context,
      `UPDATE operation SET state = $3, reason = $4, message = $5, finished_at = clock_timestamp()
       WHERE tenant_id = $1 AND target_id = $2 AND state = 'running' AND ($6::integer IS NULL OR generation < $6)`,
      [context.tenantId, targetId, outcome.state, outcome.reason ?? null, outcome.message?.slice(0, 4000) ?? null, upTo ? upTo.generation + (upTo.exclusive ? 0 : 1) : null]);
  }
}
