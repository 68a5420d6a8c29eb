import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { cursorInvalid, decodeCursor, encodeCursor, type Page, type PageRequest } from '../../../platform/database/page.js';
import { selectList } from '../../../platform/database/row-statements.js';
import type { DeliveryOutcome } from '../delivery-outcome.policy.js';
import { DELIVERIES_KEPT } from '../webhook-states.js';
import { WebhookDeliveryEntity } from './webhook-delivery.entity.js';

const COLUMNS = selectList(WebhookDeliveryEntity, 'delivery');

/** What a run needs of a webhook. */
export interface WebhookRun {
  id: string;
  url: string;
  /** Of the tenant's own events; null: all; empty: none. */
  types: string[] | null;
  cursor: number;
  /** With the cursor: whoever finds another pair was overtaken, or its owner has turned it back. */
  deliveries: number;
  failures: number;
  failingMs: number;
  dueInMs: number;
  version: number;
}

export interface DeliveryRecord {
  event: { id: string; type: string; sequence: number };
  at: Date;
  durationMs: number;
  status: number | undefined;
  outcome: DeliveryOutcome;
}

/** The workers' side of webhooks. Only the database's clock counts for what is due. */
@Injectable()
export class WebhookRunsRepository {
  constructor(private readonly database: Database) {}

  /** Null where there is nothing to send to: it is gone, or disabled by anybody. */
  async find(context: TenantContext, id: string): Promise<WebhookRun | null> {
    const [row] = await this.database.statement<Omit<WebhookRun, 'cursor' | 'deliveries'> & { cursor: string; deliveries: string }>(context,
      `SELECT id, url, CASE WHEN name IS NULL THEN '{}' ELSE events END AS types, cursor, deliveries, failures, version,
         (extract(epoch FROM clock_timestamp() - coalesce(failing_since, clock_timestamp())) * 1000)::float8 AS "failingMs",
         greatest(0, ceil(extract(epoch FROM coalesce(next_attempt_at, clock_timestamp()) - clock_timestamp()) * 1000))::float8 AS "dueInMs"
       FROM webhook WHERE tenant_id = $1 AND id = $2 AND NOT disabled AND ended IS NULL`, [context.tenantId, id]);
    return row ? { ...row, cursor: Number(row.cursor), deliveries: Number(row.deliveries) } : null;
  }

  /** There is nothing for it up to `sequence`. */
  async advance(context: TenantContext, seen: WebhookRun, sequence: number): Promise<void> {
    await this.database.statement(context, 'UPDATE webhook SET cursor = $5 WHERE tenant_id = $1 AND id = $2 AND cursor = $3 AND deliveries = $4', [context.tenantId, seen.id, seen.cursor, seen.deliveries, sequence]);
  }

  /** Writes a try and what follows from it, and forgets the oldest. @returns its version, or null where another run or its owner has overtaken this one. */
  async record(context: TenantContext, seen: WebhookRun, { event, at, durationMs, status, outcome }: DeliveryRecord): Promise<{ version: number } | null> {
    const delivered = outcome.next === 'delivered';
    const error = outcome.next === 'delivered' ? undefined : outcome.error;
    const [row] = await this.database.statement<{ version: number }>(context,
      `WITH told AS (
         UPDATE webhook SET deliveries = deliveries + 1, cursor = CASE WHEN $5 THEN $6::bigint ELSE cursor END,
           failures = CASE WHEN $5 THEN 0 ELSE failures + 1 END, failing_since = CASE WHEN $5 THEN NULL ELSE coalesce(failing_since, clock_timestamp()) END,
           next_attempt_at = CASE WHEN $7::float8 IS NULL THEN NULL ELSE clock_timestamp() + $7 * interval '1 millisecond' END,
           ended = $8, ended_at = CASE WHEN $8::text IS NULL THEN NULL ELSE clock_timestamp() END
         WHERE tenant_id = $1 AND id = $2 AND cursor = $3 AND deliveries = $4 AND ended IS NULL RETURNING deliveries, version
       ), forgotten AS (
         DELETE FROM webhook_delivery WHERE tenant_id = $1 AND webhook_id = $2 AND number <= (SELECT deliveries FROM told) - ${DELIVERIES_KEPT}
       ), added AS (
         INSERT INTO webhook_delivery (tenant_id, webhook_id, number, event_id, event_type, attempt, at, duration_ms, delivered, status, error_code, error_message)
         SELECT $1, $2, deliveries, $9, $10, $11, $12, $13, $5, $14, $15, $16 FROM told
       ) SELECT version FROM told`,
      [
        context.tenantId, seen.id, seen.cursor, seen.deliveries, delivered, event.sequence, outcome.next === 'again' ? outcome.delayMs : null, outcome.next === 'ended' ? outcome.reason : null,
        event.id, event.type, seen.failures + 1, at, Math.round(durationMs), status ?? null, error?.code ?? null, error?.message.slice(0, 1_000) ?? null,
      ]);
    return row ?? null;
  }

  /** Newest first. @throws {DomainError} CURSOR_INVALID. */
  async findPage(context: TenantContext, webhookId: string, request: PageRequest): Promise<Page<WebhookDeliveryEntity>> {
    const rows = await this.database.statement<WebhookDeliveryEntity>(context,
      `SELECT ${COLUMNS} FROM webhook_delivery delivery WHERE tenant_id = $1 AND webhook_id = $2 AND ($3::bigint IS NULL OR number < $3) ORDER BY number DESC LIMIT $4`,
      [context.tenantId, webhookId, request.cursor === undefined ? null : numberIn(request.cursor), request.limit + 1]);
    const items = rows.slice(0, request.limit);
    return { items, nextCursor: rows.length > request.limit ? deliveryCursor(items.at(-1)!) : null };
  }

  /** The newest of each, by webhook. */
  async findLast(context: TenantContext, webhookIds: readonly string[]): Promise<Map<string, WebhookDeliveryEntity>> {
    const rows = await this.database.statement<WebhookDeliveryEntity>(context,
      `SELECT DISTINCT ON (webhook_id) ${COLUMNS} FROM webhook_delivery delivery WHERE tenant_id = $1 AND webhook_id = ANY ($2) ORDER BY webhook_id, number DESC`, [context.tenantId, webhookIds]);
    return new Map(rows.map((row) => [row.webhookId, row]));
  }
}

/** After that one. */
export function deliveryCursor({ at, number }: Pick<WebhookDeliveryEntity, 'at' | 'number'>): string {
  return encodeCursor({ time: at.toISOString(), id: number });
}

function numberIn(cursor: string): string {
  const { id } = decodeCursor(cursor);
  if (!/^\d{1,15}$/.test(id)) throw cursorInvalid();
  return id;
}
