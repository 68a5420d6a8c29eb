import { Injectable } from '@nestjs/common';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { cursorInvalid, decodeCursor, encodeCursor, type Page, type PageRequest } from '../../../platform/database/page.js';
import { selectList } from '../../../platform/database/row-statements.js';
import type { DirectedFacts, EventAudience, EventFacts, PlatformEvent } from '../platform-event.js';
import { PlatformEventEntity } from './platform-event.entity.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const COLUMNS = selectList(PlatformEventEntity, 'event');
/** What an audience gets: $1 tenant, $2 sequence, $3 recipient, $4 types. */
const OF_AUDIENCE = `event.tenant_id = $1 AND event.sequence > $2
  AND (event.recipient = $3 OR (event.recipient IS NULL AND ($4::text[] IS NULL OR event.type = ANY ($4))))`;

export interface EventFilter {
  type?: string | undefined;
  subject?: string | undefined;
}

/** Events are added, read and forgotten, never changed. */
@Injectable()
export class EventsRepository {
  constructor(private readonly database: Database) {}

  /** Takes the tenant's next sequence, and holds it until the transaction ends. */
  async append(context: TenantContext, id: string, event: EventFacts | DirectedFacts): Promise<void> {
    await this.database.statement(context,
      `WITH counted AS (
         INSERT INTO event_counter (tenant_id, last) VALUES ($1, 1) ON CONFLICT (tenant_id) DO UPDATE SET last = event_counter.last + 1 RETURNING last
       ) INSERT INTO platform_event (tenant_id, id, sequence, at, type, subject, data, recipient) SELECT $1, $2, last, clock_timestamp(), $3, $4, $5, $6 FROM counted`,
      [context.tenantId, id, event.type, event.subject, JSON.stringify(event.data), 'recipient' in event ? event.recipient : null]);
  }

  async find(context: TenantContext, id: string): Promise<PlatformEvent | null> {
    if (!UUID.test(id)) return null;
    const [row] = await this.rows(context, `SELECT ${COLUMNS} FROM platform_event event WHERE event.tenant_id = $1 AND event.id = $2 AND event.recipient IS NULL`, [context.tenantId, id]);
    return row ?? null;
  }

  /** @throws {DomainError} CURSOR_INVALID. */
  async findPage(context: TenantContext, request: PageRequest, { type, subject }: EventFilter): Promise<Page<PlatformEvent>> {
    const rows = await this.rows(context,
      `SELECT ${COLUMNS} FROM platform_event event WHERE event.tenant_id = $1 AND event.sequence > $2 AND event.recipient IS NULL
         AND ($3::text IS NULL OR event.type = $3) AND ($4::text IS NULL OR event.subject = $4) ORDER BY event.sequence LIMIT $5`,
      [context.tenantId, request.cursor === undefined ? 0 : sequenceIn(request.cursor), type ?? null, subject ?? null, request.limit + 1]);
    const items = rows.slice(0, request.limit);
    return { items, nextCursor: rows.length > request.limit ? eventCursor(items.at(-1)!) : null };
  }

  async findLast(context: TenantContext, subject: string, types: readonly string[]): Promise<PlatformEvent | null> {
    const [row] = await this.rows(context,
      `SELECT ${COLUMNS} FROM platform_event event WHERE event.tenant_id = $1 AND event.subject = $2 AND event.type = ANY ($3) AND event.recipient IS NULL ORDER BY event.sequence DESC LIMIT 1`,
      [context.tenantId, subject, types]);
    return row ?? null;
  }

  findAfter(context: TenantContext, { recipient, types }: EventAudience, sequence: number, limit: number): Promise<PlatformEvent[]> {
    return this.rows(context, `SELECT ${COLUMNS} FROM platform_event event WHERE ${OF_AUDIENCE} ORDER BY event.sequence LIMIT $5`, [context.tenantId, sequence, recipient, types, limit]);
  }

  async countAfter(context: TenantContext, { recipient, types }: EventAudience, sequence: number, most: number): Promise<number> {
    const [row] = await this.database.statement<{ count: number }>(context,
      `SELECT count(*)::int AS count FROM (SELECT 1 FROM platform_event event WHERE ${OF_AUDIENCE} LIMIT $5) pending`, [context.tenantId, sequence, recipient, types, most]);
    return row?.count ?? 0;
  }

  async lastSequence(context: TenantContext): Promise<number> {
    const [row] = await this.database.statement<{ last: string }>(context, 'SELECT last FROM event_counter WHERE tenant_id = $1', [context.tenantId]);
    return Number(row?.last ?? 0);
  }

  async sequenceBefore(context: TenantContext, time: Date): Promise<number> {
    const [row] = await this.database.statement<{ first: string | null; last: string | null }>(context,
      `SELECT (SELECT min(sequence) FROM platform_event WHERE tenant_id = $1 AND at >= $2) AS first, (SELECT last FROM event_counter WHERE tenant_id = $1) AS last`, [context.tenantId, time]);
    return row?.first ? Number(row.first) - 1 : Number(row?.last ?? 0);
  }

  async removeSome(context: TenantContext, limit: number): Promise<number> {
    const rows = await this.database.statement(context,
      'DELETE FROM platform_event WHERE tenant_id = $1 AND id IN (SELECT id FROM platform_event WHERE tenant_id = $1 LIMIT $2) RETURNING id', [context.tenantId, limit]);
    if (rows.length < limit) await this.database.statement(context, 'DELETE FROM event_counter WHERE tenant_id = $1', [context.tenantId]);
    return rows.length;
  }

  /** Takes away those of all tenants that are so old. @returns how many: less than `limit` where no more are left. */
  async removeOlder(context: SystemContext, days: number, limit: number): Promise<number> {
    const rows = await this.database.statement(context,
      `DELETE FROM platform_event WHERE (tenant_id, id) IN (
         SELECT tenant_id, id FROM platform_event WHERE at < clock_timestamp() - $1 * interval '1 day' ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED
       ) RETURNING id`, [days, limit]);
    return rows.length;
  }

  private async rows(context: TenantContext, text: string, values: readonly unknown[]): Promise<PlatformEvent[]> {
    const rows = await this.database.statement<PlatformEventEntity>(context, text, values);
    return rows.map((row) => ({ ...row, sequence: Number(row.sequence) }));
  }
}

/** After that event. */
export function eventCursor({ at, sequence }: Pick<PlatformEvent, 'at' | 'sequence'>): string {
  return encodeCursor({ time: at.toISOString(), id: String(sequence) });
}

function sequenceIn(cursor: string): number {
  const { id } = decodeCursor(cursor);
  if (!/^\d{1,15}$/.test(id)) throw cursorInvalid();
  return Number(id);
}
