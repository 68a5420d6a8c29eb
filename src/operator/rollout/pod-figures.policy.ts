import { METRIC } from '../../contract/runtime.js';
import type { ReleaseFigures } from './release-metrics.js';

/** What a pod answered since its process began, or in a part of that time. */
export interface PodFigures {
  requests: number;
  errors: number;
  /** Answers by upper bound of their time in seconds, each alone (not cumulative); the last bound is infinite. */
  buckets: ReadonlyMap<number, number>;
}

export interface PodReading extends PodFigures {
  /** Of the process: another one counts from 0 again. */
  instance: string | undefined;
}

const SERIES = /^([a-z_]+)\{([^}]*)\} (\d{1,15})(?:\.0)?$/;
const BUCKET = `${METRIC.duration}_bucket`;
/** A runtime writes about sixty lines. */
const MOST_LINES = 2_000;

/** A pod's `/metrics`. Undefined where it does not count its answers, as images that tenants bring may not. Pure. */
export function parsePodFigures(text: string): PodReading | undefined {
  let [requests, errors, counted] = [0, 0, false];
  let instance: string | undefined;
  const cumulative = new Map<number, number>();
  for (const line of text.split('\n', MOST_LINES)) {
    const [, name, labels = '', value = ''] = SERIES.exec(line) ?? [];
    if (name === METRIC.requests) {
      counted = true;
      requests += Number(value);
      if (labelOf(labels, 'status')?.startsWith('5')) errors += Number(value);
    } else if (name === METRIC.instance) {
      instance = labelOf(labels, 'instance');
    } else if (name === BUCKET) {
      const bound = boundOf(labelOf(labels, 'le'));
      if (bound !== undefined) cumulative.set(bound, (cumulative.get(bound) ?? 0) + Number(value));
    }
  }
  // A runtime that has answered nothing yet has no series of answers, but it has a histogram.
  return counted || cumulative.size > 0 ? { instance, requests, errors, buckets: apart(cumulative) } : undefined;
}

function labelOf(labels: string, name: string): string | undefined {
  return new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1];
}

function boundOf(text: string | undefined): number | undefined {
  const bound = text === '+Inf' ? Number.POSITIVE_INFINITY : Number(text ?? Number.NaN);
  return Number.isNaN(bound) ? undefined : bound;
}

function apart(cumulative: ReadonlyMap<number, number>): Map<number, number> {
  let below = 0;
  return new Map([...cumulative].sort(([a], [b]) => a - b).map(([bound, count]) => {
    const alone = Math.max(0, count - below);
    below = Math.max(below, count);
    return [bound, alone];
  }));
}

/** What came between two readings of a pod. One of another process, or without one before, counts whole. */
export function between(before: PodReading | undefined, after: PodReading): PodFigures {
  if (!before || before.instance !== after.instance || after.requests < before.requests) return after;
  const buckets = new Map([...after.buckets].map(([bound, count]) => [bound, Math.max(0, count - (before.buckets.get(bound) ?? 0))]));
  return { requests: after.requests - before.requests, errors: Math.max(0, after.errors - before.errors), buckets };
}

export function sumOf(all: Iterable<PodFigures>): PodFigures {
  let [requests, errors] = [0, 0];
  const buckets = new Map<number, number>();
  for (const figures of all) {
    requests += figures.requests;
    errors += figures.errors;
    for (const [bound, count] of figures.buckets) buckets.set(bound, (buckets.get(bound) ?? 0) + count);
  }
  return { requests, errors, buckets };
}

export function figuresOf({ requests, errors, buckets }: PodFigures): ReleaseFigures {
  return { requests, errors, p95Ms: quantileMs(buckets, 0.95) };
}

/** As Prometheus' `histogram_quantile`: linear inside the bucket; beyond the last finite bound nothing is measured. */
export function quantileMs(buckets: ReadonlyMap<number, number>, quantile: number): number | undefined {
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return undefined;
  const rank = quantile * total;
  let [below, lower] = [0, 0];
  for (const [bound, count] of sorted) {
    if (below + count >= rank) return Number.isFinite(bound) ? (lower + (bound - lower) * ((rank - below) / count)) * 1_000 : Number.POSITIVE_INFINITY;
    below += count;
    lower = bound;
  }
  return Number.POSITIVE_INFINITY;
}
