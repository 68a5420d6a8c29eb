import { Injectable } from '@nestjs/common';
import { DURATION_BOUNDS, type RequestTotals } from '../../../contract/request-totals.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { MetricRange } from '../metric-range.policy.js';

/** Figures of one step. */
export interface MetricSums extends RequestTotals {
  at: Date;
  /** The most at one time; of several functions and clusters, the sum of the most of each in one minute or hour. */
  inFlight: number;
  pods: number;
}

const SLOTS = Array.from({ length: DURATION_BOUNDS.length + 1 }, (_, index) => index + 1);
const COUNTED = ['succeeded', 'client_errors', 'server_errors', 'cold_starts', 'duration_ms'];

/** First over functions and clusters, then over time. @param filter a condition on `function_metric` */
const series = (filter: string): string => `
SELECT to_timestamp(slot * $5::bigint) AS at, sum(succeeded)::float8 AS succeeded, sum(client_errors)::float8 AS "clientErrors", sum(server_errors)::float8 AS "serverErrors",
  sum(cold_starts)::float8 AS "coldStarts", sum(duration_ms)::float8 AS "durationMs", max(in_flight)::float8 AS "inFlight", max(pods)::float8 AS pods,
  ARRAY[${SLOTS.map((slot) => `sum(d${slot})`).join(', ')}]::float8[] AS durations
FROM (
  SELECT floor(extract(epoch FROM at) / $5::bigint)::bigint AS slot, ${COUNTED.map((column) => `sum(${column}) AS ${column}`).join(', ')}, sum(in_flight) AS in_flight, sum(pods) AS pods,
    ${SLOTS.map((slot) => `sum(durations[${slot}]) AS d${slot}`).join(', ')}
  FROM function_metric WHERE tenant_id = $1 AND resolution = $2 AND at >= $3 AND at < $4 ${filter} GROUP BY at
) AS times GROUP BY slot ORDER BY slot`;

const OF_TENANT = series('');
const OF_FUNCTION = series('AND function_id = $6');

/** Reads a tenant's time series. */
@Injectable()
export class MetricReadingRepository {
  constructor(private readonly database: Database) {}

  /** Steps in which something was seen, in their order. @param functionId absent: of all the tenant's functions */
  find(context: TenantContext, { from, to, stepSeconds, resolution }: MetricRange, functionId?: string): Promise<MetricSums[]> {
    const values = [context.tenantId, resolution, from, to, stepSeconds];
    return this.database.statement<MetricSums>(context, functionId === undefined ? OF_TENANT : OF_FUNCTION, functionId === undefined ? values : [...values, functionId]);
  }
}
