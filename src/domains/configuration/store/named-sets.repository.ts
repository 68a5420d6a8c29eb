import type { TenantContext } from '../../../platform/context/context.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { TenantRepository, type TenantRow } from '../../../platform/database/tenant-repository.js';

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export interface NamedRow extends TenantRow {
  id: string;
  name: string;
}

/** `change`: nobody else changes or deletes the row until the transaction ends; functions may still begin to use it. `delete`: they may not. */
export type RowLock = 'change' | 'delete';

const LOCK_MODE = { change: 'for_no_key_update', delete: 'pessimistic_write' } as const;

/** What config sets and secrets have in common: rows found by name or id, unique by name. */
export abstract class NamedSetsRepository<Row extends NamedRow> extends TenantRepository<Row> {
  add(context: TenantContext, row: Row): Promise<Row> {
    return this.insert(context, row);
  }

  /** By name or id (a name never looks like an id). */
  find(context: TenantContext, reference: string, lock?: RowLock): Promise<Row | null> {
    return this.run(context, (manager) => {
      const query = this.scoped(manager, context, 'row').andWhere(UUID.test(reference) ? 'row.id = :reference' : 'row.name = :reference', { reference });
      return (lock ? query.setLock(LOCK_MODE[lock]) : query).getOne();
    });
  }

  /** @param hold keep the rows from being deleted until the transaction ends. */
  findNamed(context: TenantContext, names: readonly string[], options: { hold: boolean }): Promise<Row[]> {
    if (names.length === 0) return Promise.resolve([]);
    return this.run(context, (manager) => {
      const query = this.scoped(manager, context, 'row').andWhere('row.name IN (:...names)', { names }).orderBy('row.name');
      return (options.hold ? query.setLock('for_key_share') : query).getMany();
    });
  }

  findPage(context: TenantContext, request: PageRequest, name?: string): Promise<Page<Row>> {
    return this.run(context, (manager) => {
      const query = this.scoped(manager, context, 'row');
      if (name !== undefined) query.andWhere('row.name = :name', { name });
      return this.page(query, 'row', request);
    });
  }

  async remove(context: TenantContext, id: string): Promise<void> {
    await this.run(context, (manager) => manager.delete(this.entity, { tenantId: context.tenantId, id } as never));
  }

  /** Everything of a tenant that is being deleted. */
  async removeAll(context: TenantContext): Promise<void> {
    await this.run(context, (manager) => manager.delete(this.entity, { tenantId: context.tenantId } as never));
  }
}
