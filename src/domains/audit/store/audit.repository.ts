import { Injectable } from '@nestjs/common';
import type { Context } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { cursorInvalid, decodeCursor, encodeCursor, type CursorPosition, type Page, type PageRequest } from '../../../platform/database/page.js';
import { insertStatement, selectList } from '../../../platform/database/row-statements.js';
import type { PlatformAuditFilter } from '../audit-filter.js';
import { AuditEntryEntity } from './audit-entry.entity.js';
import { EntryConditions } from './entry-conditions.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const COLUMNS = selectList(AuditEntryEntity, 'entry');

/** Entries are added and read, never changed. A tenant's context reads its own, the system's those of all and of none. */
@Injectable()
export class AuditRepository {
  constructor(private readonly database: Database) {}

  async append(context: Context, entry: AuditEntryEntity): Promise<void> {
    const { text, values } = insertStatement(AuditEntryEntity, entry);
    await this.database.statement(context, text, values);
  }

  /** Newest first, along (at, id): stable while entries come. @throws {DomainError} CURSOR_INVALID. */
  async findPage(context: Context, filter: PlatformAuditFilter, request: PageRequest): Promise<Page<AuditEntryEntity>> {
    const before = request.cursor === undefined ? undefined : decodeCursor(request.cursor);
    if (before && !UUID.test(before.id)) throw cursorInvalid();
    const rows = await this.walk(context, filter, 'DESC', before, request.limit + 1);
    const items = rows.slice(0, request.limit);
    return { items, nextCursor: rows.length > request.limit ? encodeCursor(positionOf(items.at(-1)!)) : null };
  }

  /** Oldest first, those after `after`. */
  findBatch(context: Context, filter: PlatformAuditFilter, after: AuditEntryEntity | undefined, limit: number): Promise<AuditEntryEntity[]> {
    return this.walk(context, filter, 'ASC', after && positionOf(after), limit);
  }

  private walk(context: Context, filter: PlatformAuditFilter, order: 'ASC' | 'DESC', beyond: CursorPosition | undefined, limit: number): Promise<AuditEntryEntity[]> {
    const conditions = conditionsOf(context, filter);
    if (beyond) conditions.add(`(entry.at, entry.id) ${order === 'ASC' ? '>' : '<'} (?::timestamptz, ?::uuid)`, beyond.time, beyond.id);
    const { text, values } = conditions;
    return this.database.transaction(context, (manager) => manager.query<AuditEntryEntity[]>(
      `SELECT ${COLUMNS} FROM audit_entry entry WHERE ${text} ORDER BY entry.at ${order}, entry.id ${order} LIMIT $${values.length + 1}`, [...values, limit]));
  }
}

function conditionsOf(context: Context, filter: PlatformAuditFilter): EntryConditions {
  const conditions = new EntryConditions()
    .equal('tenant_id', context.scope === 'tenant' ? context.tenantId : undefined)
    .equal('principal', filter.principal).equal('action', filter.action).equal('target_kind', filter.targetKind).equal('request_id', filter.requestId);
  // A name may have been several tenants' one after the other.
  if (filter.tenant !== undefined) conditions.add('entry.tenant_id IN (SELECT tenant.id FROM tenant WHERE tenant.name = ? OR tenant.id::text = ?)', filter.tenant, filter.tenant);
  if (filter.target !== undefined) conditions.add('(entry.target_id = ? OR entry.target_name = ?)', filter.target, filter.target);
  // As a word of the statement and no value: refusals have an index of their own.
  if (filter.result !== undefined) conditions.add(`entry.result = '${filter.result === 'refused' ? 'refused' : 'done'}'`);
  if (filter.from !== undefined) conditions.add('entry.at >= ?', filter.from);
  if (filter.to !== undefined) conditions.add('entry.at < ?', filter.to);
  return conditions;
}

function positionOf(entry: AuditEntryEntity): CursorPosition {
  return { time: entry.at.toISOString(), id: entry.id };
}
