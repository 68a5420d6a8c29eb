import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import { HttpTriggerEntity } from './http-trigger.entity.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

@Injectable()
export class HttpTriggersRepository extends TenantRepository<HttpTriggerEntity> {
  constructor(database: Database) {
    super(database, HttpTriggerEntity);
  }

  add(context: TenantContext, row: HttpTriggerEntity): Promise<HttpTriggerEntity> {
    return this.insert(context, row);
  }

  /** By name or id (a name never looks like an id). */
  find(context: TenantContext, reference: string, options: { lock?: boolean } = {}): Promise<HttpTriggerEntity | null> {
    return this.run(context, (manager) => {
      const query = this.scoped(manager, context, 'row').andWhere(UUID.test(reference) ? 'row.id = :reference' : 'row.name = :reference', { reference });
      return (options.lock ? query.setLock('pessimistic_write') : query).getOne();
    });
  }

  findPage(context: TenantContext, request: PageRequest, name?: string): Promise<Page<HttpTriggerEntity>> {
    return this.run(context, (manager) => {
      const query = this.scoped(manager, context, 'row');
      if (name !== undefined) query.andWhere('row.name = :name', { name });
      return this.page(query, 'row', request);
    });
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

  async update(context: TenantContext, id: string, change: Partial<HttpTriggerEntity>): Promise<void> {
    await this.run(context, (manager) => manager.update(HttpTriggerEntity, { tenantId: context.tenantId, id }, change as never));
  }

  async remove(context: TenantContext, id: string): Promise<void> {
    await this.run(context, (manager) => manager.delete(HttpTriggerEntity, { tenantId: context.tenantId, id }));
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
