import { Injectable } from '@nestjs/common';
import type { SystemContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Reading } from '../reading.js';

const OPEN_CURSORS = `
INSERT INTO meter_cursor (cluster, instance, tenant_id, function_id, revision, read_at)
SELECT cluster, instance, tenant_id, function_id, revision, at FROM jsonb_to_recordset($1::jsonb)
  AS input (cluster text, instance text, tenant_id uuid, function_id uuid, revision integer, at timestamptz)
WHERE EXISTS (SELECT FROM tenant WHERE tenant.id = input.tenant_id)
ORDER BY cluster, instance, function_id, revision
ON CONFLICT (cluster, instance, function_id, revision) DO NOTHING`;

/** Locks the cursors in one order, books the step above each, moves them up: all or nothing. */
const BOOK = `
WITH input AS (
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS input (
    instance text, tenant_id uuid, function_id uuid, function_name text, revision integer, cluster text, memory_mb numeric, cpu_millis numeric,
    invocations bigint, billed_ms bigint, request_bytes bigint, response_bytes bigint, at timestamptz)
), before AS (
  SELECT meter_cursor.* FROM meter_cursor
  WHERE (cluster, instance, function_id, revision) IN (SELECT cluster, instance, function_id, revision FROM input)
  ORDER BY cluster, instance, function_id, revision FOR UPDATE
), step AS (
  SELECT input.*,
    greatest(input.invocations - before.invocations, 0) AS d_invocations, greatest(input.billed_ms - before.billed_ms, 0) AS d_billed_ms,
    greatest(input.request_bytes - before.request_bytes, 0) AS d_request_bytes, greatest(input.response_bytes - before.response_bytes, 0) AS d_response_bytes,
    format('%s:%s:%s:%s:%s-%s-%s-%s', input.cluster, input.instance, input.function_id, input.revision, before.invocations, before.billed_ms, before.request_bytes, before.response_bytes) AS dedupe_key,
    before.tenant_id AS owner
  FROM input JOIN before USING (cluster, instance, function_id, revision)
  WHERE before.tenant_id = input.tenant_id
), booked AS (
  INSERT INTO usage_record (id, tenant_id, function_id, function_name, revision, cluster, dedupe_key, invocations, billed_ms, mb_ms, cpu_milli_ms, request_bytes, response_bytes, occurred_at)
  SELECT gen_random_uuid(), owner, function_id, function_name, revision, cluster, dedupe_key, d_invocations, d_billed_ms, d_billed_ms * memory_mb, d_billed_ms * cpu_millis, d_request_bytes, d_response_bytes, at
  FROM step WHERE d_invocations > 0 OR d_billed_ms > 0 OR d_request_bytes > 0 OR d_response_bytes > 0
  ON CONFLICT (dedupe_key) DO NOTHING RETURNING tenant_id
), moved AS (
  UPDATE meter_cursor SET
    invocations = greatest(meter_cursor.invocations, step.invocations), billed_ms = greatest(meter_cursor.billed_ms, step.billed_ms),
    request_bytes = greatest(meter_cursor.request_bytes, step.request_bytes), response_bytes = greatest(meter_cursor.response_bytes, step.response_bytes),
    read_at = greatest(meter_cursor.read_at, step.at)
  FROM step WHERE meter_cursor.cluster = step.cluster AND meter_cursor.instance = step.instance AND meter_cursor.function_id = step.function_id AND meter_cursor.revision = step.revision
)
SELECT count(*)::integer AS rows, coalesce(array_agg(DISTINCT tenant_id::text), '{}') AS "tenantIds" FROM booked`;

export interface Booked {
  /** Written to the ledger. */
  rows: number;
  /** Whose usage they are. */
  tenantIds: string[];
}

/** Writes the ledger. Two meters reading the same pod at once book each step once: the cursor row's lock puts them in line. */
@Injectable()
export class LedgerRepository {
  constructor(private readonly database: Database) {}

  /** Readings must be distinct by (cluster, instance, function, revision). */
  book(context: SystemContext, readings: readonly Reading[]): Promise<Booked> {
    const input = JSON.stringify(readings.map((reading) => ({
      instance: reading.instance, tenant_id: reading.tenantId, function_id: reading.functionId, function_name: reading.functionName, revision: reading.revision, cluster: reading.cluster,
      memory_mb: reading.memoryMb, cpu_millis: reading.cpuMillis, invocations: reading.totals.invocations, billed_ms: reading.totals.billedMs,
      request_bytes: reading.totals.requestBytes, response_bytes: reading.totals.responseBytes, at: reading.at.toISOString(),
    })));
    return this.database.transaction(context, async (manager) => {
      await manager.query(OPEN_CURSORS, [input]);
      const [row] = await manager.query<Booked[]>(BOOK, [input]);
      return row ?? { rows: 0, tenantIds: [] };
    });
  }
}
