import type { EntityManager, EntityTarget, ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import type { TenantContext } from '../context/context.js';
import { Database } from './database.js';
import { insertStatement } from './row-statements.js';
import { decodeCursor, encodeCursor, type Page, type PageRequest } from './page.js';

/** A row that belongs to a tenant and can be paged by age. */
export interface TenantRow extends ObjectLiteral {
  tenantId: string;
}

/**
 * Base of every repository of tenants' rows: no method works without a {@link TenantContext}, and every query carries the
 * tenant filter, so that row-level security is the second wall and not the first.
 */
export abstract class TenantRepository<Row extends TenantRow> {
  constructor(
    protected readonly database: Database,
    protected readonly entity: EntityTarget<Row>,
  ) {}

  /** Runs inside the caller's transaction, or in one of its own. */
  protected run<T>(context: TenantContext, work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.database.transaction(context, work);
  }

  /** A query that already carries the tenant filter. */
  protected scoped(manager: EntityManager, context: TenantContext, alias: string): SelectQueryBuilder<Row> {
    return manager.createQueryBuilder(this.entity, alias).where(`${alias}.tenantId = :scopeTenantId`, { scopeTenantId: context.tenantId });
  }

  protected async insert(context: TenantContext, row: Row): Promise<Row> {
    if (row.tenantId !== context.tenantId) throw new Error('a row can only be written in its own tenant');
    const { text, values } = insertStatement(this.entity, row);
    await this.database.statement(context, text, values);
    return row;
  }

  /** Pages by (createdAt, id), oldest first: stable while rows come and go. */
  protected async page(query: SelectQueryBuilder<Row>, alias: string, request: PageRequest, time: keyof Row & string = 'createdAt', id: keyof Row & string = 'id'): Promise<Page<Row>> {
    return pageByAge(query, alias, request, time, id);
  }
}

/** Adds cursor and limit to `query`, ordered by (time, id), and reads one row more than asked to know whether there is a next page. */
export async function pageByAge<Row extends ObjectLiteral>(query: SelectQueryBuilder<Row>, alias: string, request: PageRequest, time = 'createdAt', id = 'id'): Promise<Page<Row>> {
  if (request.cursor !== undefined) {
    const after = decodeCursor(request.cursor);
    query.andWhere(`(date_trunc('milliseconds', ${alias}.${time}), cast(${alias}.${id} AS text)) > (cast(:cursorTime AS timestamptz), :cursorId)`, { cursorTime: after.time, cursorId: after.id });
  }
  // Cursors hold milliseconds (all that a Date keeps), so the order must not see the microseconds below them.
  const rows = await query
    .addSelect(`date_trunc('milliseconds', ${alias}.${time})`, 'page_time').addSelect(`cast(${alias}.${id} AS text)`, 'page_id')
    .orderBy('page_time', 'ASC').addOrderBy('page_id', 'ASC').limit(request.limit + 1).getMany();
  const items = rows.slice(0, request.limit);
  const last = items.at(-1);
  const nextCursor = rows.length > request.limit && last ? encodeCursor({ time: (last[time] as Date).toISOString(), id: String(last[id]) }) : null;
  return { items, nextCursor };
}
