import { METRIC } from '../../../contract/runtime.js';

/** What a pod's `/metrics` says of its load. */
export interface ReportedPodLoad {
  instance: string;
  requests: number;
  inFlight: number;
}

const SERIES = /^([a-zA-Z_:][\w:]*)(?:\{([^}]*)\})? (\S+)(?: \d+)?$/;

/** Reads Prometheus text; null when it names no process life or no requests, as pages of other programs do not. Pure. */
export function parsePodLoad(text: string): ReportedPodLoad | null {
  let instance: string | undefined;
  const sums: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const [, name = '', labels = '', value] = SERIES.exec(line.trimEnd()) ?? [];
    if (name === METRIC.instance) instance = /(?:^|,)instance="([\w-]{1,64})"/.exec(labels)?.[1] ?? instance;
    else if (name === METRIC.requests || name === METRIC.inFlight) sums[name] = (sums[name] ?? 0) + Number(value);
  }
  // A runtime that has answered nothing yet names no status and so has no series of requests.
  const [requests, inFlight] = [sums[METRIC.requests] ?? 0, sums[METRIC.inFlight]];
  if (instance === undefined || inFlight === undefined || !(requests >= 0) || !(inFlight >= 0)) return null;
  return { instance, requests, inFlight };
}
