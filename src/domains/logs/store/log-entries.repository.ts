import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { cursorInvalid, decodeCursor, type Page, type PageRequest } from '../../../platform/database/page.js';
import { selectList } from '../../../platform/database/row-statements.js';
import type { LogFilter } from '../log-filter.js';
import { cursorOf, isPosition } from '../log-position.policy.js';
import { LogEntryEntity } from './log-entry.entity.js';

const COLUMNS = selectList(LogEntryEntity, 'entry');
/** Every parameter is there in each statement, given or not: few texts, and so few plans. */
const MATCHES = `entry.tenant_id = $1 AND entry.function_id = $2
  AND ($3::timestamptz IS NULL OR entry.time >= $3) AND ($4::timestamptz IS NULL OR entry.time < $4) AND ($5::integer IS NULL OR entry.revision = $5)
  AND ($6::text IS NULL OR entry.request_id = $6) AND ($7::text IS NULL OR entry.message ILIKE $7 OR entry.fields ILIKE $7) AND ($8::text IS NULL OR entry.level = $8)`;

/** What callers read of the logs. */
@Injectable()
export class LogEntriesRepository {
  constructor(private readonly database: Database) {}

  /** In the order of collection. @throws {DomainError} CURSOR_INVALID. */
  async findPage(context: TenantContext, functionId: string, filter: LogFilter, { limit, cursor }: PageRequest): Promise<Page<LogEntryEntity>> {
    const rows = await this.findAfter(context, functionId, filter, cursor === undefined ? '0' : positionOf(cursor), limit + 1);
    const items = rows.slice(0, limit);
    return { items, nextCursor: rows.length > limit ? cursorOf(items.at(-1)!) : null };
  }

  /** Those after a position, the first of them. */
  findAfter(context: TenantContext, functionId: string, filter: LogFilter, position: string, limit: number): Promise<LogEntryEntity[]> {
    return this.database.statement<LogEntryEntity>(context,
      `SELECT ${COLUMNS} FROM log_entry entry WHERE ${MATCHES} AND entry.position > $9::bigint ORDER BY entry.position LIMIT $10`, [...values(context, functionId, filter), position, limit]);
  }

  /** The last ones up to a position, in the order of collection. */
  async findLast(context: TenantContext, functionId: string, filter: LogFilter, upTo: string | null, limit: number): Promise<LogEntryEntity[]> {
    const rows = await this.database.statement<LogEntryEntity>(context,
      `SELECT ${COLUMNS} FROM log_entry entry WHERE ${MATCHES} AND ($9::bigint IS NULL OR entry.position <= $9) ORDER BY entry.position DESC LIMIT $10`, [...values(context, functionId, filter), upTo, limit]);
    return rows.reverse();
  }

  /** Of the tenant's last entry, of whichever function: none up to it can come any more. */
  async lastPosition(context: TenantContext): Promise<string> {
    const [row] = await this.database.statement<{ position: string }>(context, 'SELECT last_position AS position FROM log_volume WHERE tenant_id = $1', [context.tenantId]);
    return row?.position ?? '0';
  }
}

function values({ tenantId }: TenantContext, functionId: string, { since, until, revision, requestId, text, level }: LogFilter): unknown[] {
  const pattern = text === undefined || text === '' ? null : `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
  return [tenantId, functionId, since ?? null, until ?? null, revision ?? null, requestId ?? null, pattern, level ?? null];
}

function positionOf(cursor: string): string {
  const { id } = decodeCursor(cursor);
  if (!isPosition(id)) throw cursorInvalid();
  return id;
}
