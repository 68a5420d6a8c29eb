import type { EntityManager, SelectQueryBuilder } from 'typeorm';
import type { TenantContext } from '../context/context.js';
import type { Page, PageRequest } from './page.js';
import { TenantRepository, type TenantRow } from './tenant-repository.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A row that its tenant gave a name. */
export interface NamedRow extends TenantRow {
  id: string;
  name: string | null;
}

/** Rows that are addressed by name or id: a name never looks like an id. */
export abstract class NamedRepository<Row extends NamedRow> extends TenantRepository<Row> {
  add(context: TenantContext, row: Row): Promise<Row> {
    return this.insert(context, row);
  }

  find(context: TenantContext, reference: string, options: { lock?: boolean } = {}): Promise<Row | null> {
    return this.run(context, (manager) => {
      const query = this.addressed(manager, context).andWhere(UUID.test(reference) ? 'row.id = :reference' : 'row.name = :reference', { reference });
      return (options.lock ? query.setLock('pessimistic_write') : query).getOne();
    });
  }

  findPage(context: TenantContext, request: PageRequest, name?: string): Promise<Page<Row>> {
    return this.run(context, (manager) => {
      const query = this.addressed(manager, context);
      if (name !== undefined) query.andWhere('row.name = :name', { name });
      return this.page(query, 'row', request);
    });
  }

  async update(context: TenantContext, id: string, change: Partial<Row>): Promise<void> {
    await this.run(context, (manager) => manager.update(this.entity, { tenantId: context.tenantId, id } as never, change as never));
  }

  async remove(context: TenantContext, id: string): Promise<void> {
    await this.run(context, (manager) => manager.delete(this.entity, { tenantId: context.tenantId, id } as never));
  }

  /** Rows that can be addressed; all of them unless a repository says otherwise. */
  protected addressed(manager: EntityManager, context: TenantContext): SelectQueryBuilder<Row> {
    return this.scoped(manager, context, 'row');
  }
}
