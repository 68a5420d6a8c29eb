import { Injectable } from '@nestjs/common';
import type { SystemContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { CapacityPart, CapacitySpan, CapacityUse } from '../capacity.js';

/** In the order of the unique key: two meters that book the same wait for each other and not in a ring. */
const BOOK = `
WITH booked AS (
  INSERT INTO capacity_record (id, tenant_id, use, function_id, function_name, revision, runtime, cluster, pod_uid, window_at, ms, mb_ms, cpu_milli_ms, occurred_at)
  SELECT gen_random_uuid(), tenant_id, use, function_id, function_name, revision, runtime, cluster, pod_uid, window_at, ms, ms * memory_mb, ms * cpu_millis, occurred_at
  FROM jsonb_to_recordset($1::jsonb) AS input (
    tenant_id uuid, use text, function_id uuid, function_name text, revision integer, runtime text, cluster text, pod_uid text, window_at timestamptz, ms bigint,
    memory_mb numeric, cpu_millis numeric, occurred_at timestamptz)
  WHERE EXISTS (SELECT FROM tenant WHERE tenant.id = input.tenant_id)
  ORDER BY pod_uid, use, window_at
  ON CONFLICT (pod_uid, use, window_at) DO NOTHING RETURNING tenant_id
)
SELECT count(*)::integer AS rows, coalesce(array_agg(DISTINCT tenant_id::text), '{}') AS "tenantIds" FROM booked`;

export interface BookedCapacity {
  rows: number;
  tenantIds: string[];
}

/** Writes what pods were kept ready. What is there already stays as it is. */
@Injectable()
export class CapacityLedgerRepository {
  constructor(private readonly database: Database) {}

  /** Begin of the last window booked of each use of these pods. */
  lastWindows(context: SystemContext, podUids: readonly string[]): Promise<{ podUid: string; use: CapacityUse; windowAt: Date }[]> {
    return this.database.transaction(context, (manager) => manager.query(
      'SELECT pod_uid AS "podUid", use, max(window_at) AS "windowAt" FROM capacity_record WHERE pod_uid = ANY($1) GROUP BY pod_uid, use', [podUids]));
  }

  async book(context: SystemContext, parts: readonly { span: CapacitySpan; part: CapacityPart }[]): Promise<BookedCapacity> {
    const input = JSON.stringify(parts.map(({ span, part }) => ({
      tenant_id: span.tenantId, use: span.use, function_id: span.function?.id, function_name: span.function?.name, revision: span.function?.revision, runtime: span.runtime,
      cluster: span.cluster, pod_uid: span.podUid, window_at: new Date(part.windowAt).toISOString(), ms: part.ms, memory_mb: span.memoryMb, cpu_millis: span.cpuMillis,
      occurred_at: new Date(part.from).toISOString(),
    })));
    const [row] = await this.database.transaction(context, (manager) => manager.query<BookedCapacity[]>(BOOK, [input]));
    return row ?? { rows: 0, tenantIds: [] };
  }
}
