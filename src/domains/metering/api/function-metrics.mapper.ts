import type { RequestTotals } from '../../../contract/request-totals.js';
import type { MetricSeries } from '../function-metrics.service.js';
import { quantileMs } from '../quantile.policy.js';
import { FunctionMetricsModel, MetricDurationsModel, MetricPointModel } from './function-metrics.model.js';

interface Sums extends RequestTotals {
  inFlight: number;
  pods: number;
}

function toPoint(at: Date, sums: Sums | undefined): MetricPointModel {
  const { succeeded = 0, clientErrors = 0, serverErrors = 0, coldStarts = 0, inFlight = 0, pods = 0, durations = [] } = sums ?? {};
  const durationMs = Object.assign(new MetricDurationsModel(), { p50: quantileMs(durations, 0.5), p95: quantileMs(durations, 0.95), p99: quantileMs(durations, 0.99) });
  return Object.assign(new MetricPointModel(), { at, requests: succeeded + clientErrors + serverErrors, clientErrors, serverErrors, durationMs, coldStarts, inFlight, pods });
}

export function toFunctionMetricsModel({ range: { from, to, stepSeconds }, sums }: MetricSeries): FunctionMetricsModel {
  const seen = new Map(sums.map((one) => [one.at.getTime(), one]));
  const points: MetricPointModel[] = [];
  for (let at = from.getTime(); at < to.getTime(); at += stepSeconds * 1000) points.push(toPoint(new Date(at), seen.get(at)));
  return Object.assign(new FunctionMetricsModel(), { from, to, stepSeconds, points });
}
