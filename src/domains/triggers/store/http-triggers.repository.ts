import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { NamedRepository } from '../../../platform/database/named-repository.js';
import { HttpTriggerEntity } from './http-trigger.entity.js';

@Injectable()
export class HttpTriggersRepository extends NamedRepository<HttpTriggerEntity> {
  constructor(database: Database) {
    super(database, HttpTriggerEntity);
  }

  /** Of one function, by name. */
  findOf(context: TenantContext, functionId: string): Promise<HttpTriggerEntity[]> {
    return this.run(context, (manager) => this.scoped(manager, context, 'row').andWhere('row.functionId = :functionId', { functionId }).orderBy('row.name').getMany());
  }

  /** How many a function has; nobody else adds one to it until the transaction ends. */
  async countLocked(context: TenantContext, functionId: string): Promise<number> {
    await this.database.statement(context, 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`http-triggers:${functionId}`]);
    const [row] = await this.database.statement<{ count: number }>(context, 'SELECT count(*)::int AS count FROM http_trigger WHERE tenant_id = $1 AND function_id = $2', [context.tenantId, functionId]);
    return row?.count ?? 0;
  }

  /** Functions one of whose triggers has its certificate from this secret; each once. */
  async findFunctionsWithCertificate(context: TenantContext, secret: string): Promise<string[]> {
    const rows = await this.database.statement<{ function_id: string }>(context,
      `SELECT DISTINCT function_id FROM http_trigger WHERE tenant_id = $1 AND settings -> 'tls' ->> 'secret' = $2`, [context.tenantId, secret]);
    return rows.map((row) => row.function_id);
  }

  /** Whether the gateway is the only way, for all of the tenant's triggers. @returns the functions for which that is another way than before. */
  async setThroughGateway(context: TenantContext, throughGateway: boolean): Promise<string[]> {
    const rows = await this.database.statement<{ function_id: string }>(context,
      'UPDATE http_trigger SET through_gateway = $2 WHERE tenant_id = $1 AND through_gateway <> $2 RETURNING function_id', [context.tenantId, throughGateway]);
    return [...new Set(rows.map((row) => row.function_id))];
  }
}
