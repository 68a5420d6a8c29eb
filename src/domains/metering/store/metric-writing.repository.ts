import { Injectable } from '@nestjs/common';
import { noRequests } from '../../../contract/request-totals.js';
import type { SystemContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { counterOf, fromNumbers, furthest, isNothing, pointsOf, stepOf, toNumbers, type MetricPoint, type MetricReading } from '../metric-points.policy.js';

const OPEN_CURSORS = `
INSERT INTO function_metric_cursor (cluster, instance, function_id, tenant_id, totals, read_at)
SELECT cluster, instance, function_id, tenant_id, totals, at FROM jsonb_to_recordset($1::jsonb) AS input (cluster text, instance text, function_id uuid, tenant_id uuid, totals bigint[], at timestamptz)
WHERE EXISTS (SELECT FROM tenant WHERE tenant.id = input.tenant_id)
ORDER BY cluster, instance, function_id
ON CONFLICT (cluster, instance, function_id) DO NOTHING`;

const LOCK_CURSORS = `
SELECT cursor.cluster, cursor.instance, cursor.function_id AS "functionId", cursor.totals
FROM jsonb_to_recordset($1::jsonb) AS input (cluster text, instance text, function_id uuid, tenant_id uuid)
JOIN function_metric_cursor cursor USING (cluster, instance, function_id, tenant_id)
ORDER BY cursor.cluster, cursor.instance, cursor.function_id FOR UPDATE OF cursor`;

const MOVE_CURSORS = `
UPDATE function_metric_cursor cursor SET totals = input.totals, read_at = greatest(cursor.read_at, input.at)
FROM jsonb_to_recordset($1::jsonb) AS input (cluster text, instance text, function_id uuid, totals bigint[], at timestamptz)
WHERE cursor.cluster = input.cluster AND cursor.instance = input.instance AND cursor.function_id = input.function_id`;

const ADD_POINTS = `
INSERT INTO function_metric AS known (tenant_id, function_id, resolution, at, cluster, succeeded, client_errors, server_errors, cold_starts, duration_ms, durations, in_flight, pods)
SELECT tenant_id, function_id, resolution, at, cluster, succeeded, client_errors, server_errors, cold_starts, duration_ms, durations, in_flight, pods
FROM jsonb_to_recordset($1::jsonb) AS input (
  tenant_id uuid, function_id uuid, resolution integer, at timestamptz, cluster text, succeeded bigint, client_errors bigint, server_errors bigint, cold_starts bigint,
  duration_ms bigint, durations bigint[], in_flight integer, pods integer, place bigint)
WHERE EXISTS (SELECT FROM tenant WHERE tenant.id = input.tenant_id)
ORDER BY place
ON CONFLICT (tenant_id, function_id, resolution, at, cluster) DO UPDATE SET
  succeeded = known.succeeded + excluded.succeeded, client_errors = known.client_errors + excluded.client_errors, server_errors = known.server_errors + excluded.server_errors,
  cold_starts = known.cold_starts + excluded.cold_starts, duration_ms = known.duration_ms + excluded.duration_ms,
  durations = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0) FROM unnest(known.durations, excluded.durations) WITH ORDINALITY AS sums (a, b, place) ORDER BY place),
  in_flight = greatest(known.in_flight, excluded.in_flight), pods = greatest(known.pods, excluded.pods)`;

interface Cursor {
  cluster: string;
  instance: string;
  functionId: string;
  totals: string[];
}

/** Writes time series. Two meters that read the same life at once add each step once: the cursor row's lock puts them in line. */
@Injectable()
export class MetricWritingRepository {
  constructor(private readonly database: Database) {}

  /** Adds what came since the last readings of the same lives: all or nothing. Readings must be distinct by (cluster, instance, function). */
  async advance(context: SystemContext, readings: readonly MetricReading[]): Promise<void> {
    await this.database.transaction(context, async (manager) => {
      await manager.query(OPEN_CURSORS, [JSON.stringify(readings.map((reading) => cursorRow(reading, toNumbers(noRequests()))))]);
      const cursors = await manager.query<Cursor[]>(LOCK_CURSORS, [JSON.stringify(readings.map((reading) => cursorRow(reading, [])))]);
      const known = new Map(cursors.map((cursor) => [counterOf(cursor), fromNumbers(cursor.totals.map(Number))]));
      const steps = readings.flatMap((reading) => {
        const before = known.get(counterOf(reading));
        return before ? [{ reading, before, added: stepOf(before, reading.totals) }] : [];
      });
      const news = steps.filter(({ added }) => !isNothing(added));
      await this.add(context, pointsOf(news.map(({ reading, added }) => ({ ...reading, added, inFlight: 0, pods: 0 }))));
      await manager.query(MOVE_CURSORS, [JSON.stringify(steps.map(({ reading, before }) => cursorRow(reading, toNumbers(furthest(before, reading.totals)))))]);
    });
  }

  /** In the order of the points, in which rows are locked. */
  async add(context: SystemContext, points: readonly MetricPoint[]): Promise<void> {
    if (points.length === 0) return;
    const input = points.map(({ tenantId, functionId, resolution, at, cluster, added, inFlight, pods }, place) => ({
      tenant_id: tenantId, function_id: functionId, resolution, at: at.toISOString(), cluster, succeeded: added.succeeded, client_errors: added.clientErrors, server_errors: added.serverErrors,
      cold_starts: added.coldStarts, duration_ms: added.durationMs, durations: added.durations, in_flight: inFlight, pods, place,
    }));
    await this.database.statement(context, ADD_POINTS, [JSON.stringify(input)]);
  }

  /** Removes at most `limit` rows of each kind that are too old; answers the most that were removed of one. */
  async removeOld(context: SystemContext, days: { minutes: number; hours: number }, limit: number): Promise<number> {
    const removed = await this.database.statement<{ minutes: number; hours: number; cursors: number }>(context,
      `WITH minutes AS (
         DELETE FROM function_metric WHERE ctid = ANY (ARRAY(SELECT ctid FROM function_metric WHERE resolution = 60 AND at < clock_timestamp() - $1 * interval '1 day' LIMIT $3)) RETURNING 1
       ), hours AS (
         DELETE FROM function_metric WHERE ctid = ANY (ARRAY(SELECT ctid FROM function_metric WHERE resolution = 3600 AND at < clock_timestamp() - $2 * interval '1 day' LIMIT $3)) RETURNING 1
       ), cursors AS (
         DELETE FROM function_metric_cursor WHERE ctid = ANY (ARRAY(SELECT ctid FROM function_metric_cursor WHERE read_at < clock_timestamp() - $1 * interval '1 day' LIMIT $3)) RETURNING 1
       )
       SELECT (SELECT count(*) FROM minutes)::integer AS minutes, (SELECT count(*) FROM hours)::integer AS hours, (SELECT count(*) FROM cursors)::integer AS cursors`,
      [days.minutes, days.hours, limit]);
    const { minutes, hours, cursors } = removed[0]!;
    return Math.max(minutes, hours, cursors);
  }
}

function cursorRow({ cluster, instance, functionId, tenantId, at }: MetricReading, totals: readonly number[]): object {
  return { cluster, instance, function_id: functionId, tenant_id: tenantId, totals, at: at.toISOString() };
}
