import type { RequestTotals } from '../../contract/request-totals.js';

/** Lengths in seconds of the intervals that are kept. */
export const RESOLUTIONS = [60, 3600] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** One function's requests as one process counted them, at one moment. */
export interface MetricReading {
  cluster: string;
  /** Unique, within its cluster, to one process life. */
  instance: string;
  tenantId: string;
  functionId: string;
  totals: RequestTotals;
  at: Date;
}

/** What is added to a function's figures of one interval. */
export interface MetricPoint {
  tenantId: string;
  functionId: string;
  cluster: string;
  resolution: Resolution;
  at: Date;
  added: RequestTotals;
  /** The most that were seen at once, of all pods that one meter reads. */
  inFlight: number;
  pods: number;
}

export function counterOf({ cluster, instance, functionId }: Pick<MetricReading, 'cluster' | 'instance' | 'functionId'>): string {
  return `${cluster}/${instance}/${functionId}`;
}

const FIELDS = ['succeeded', 'clientErrors', 'serverErrors', 'coldStarts', 'durationMs'] as const;

/** In the order in which they are stored. */
export function toNumbers(totals: RequestTotals): number[] {
  return [...FIELDS.map((field) => totals[field]), ...totals.durations];
}

export function fromNumbers(numbers: readonly number[]): RequestTotals {
  const [succeeded = 0, clientErrors = 0, serverErrors = 0, coldStarts = 0, durationMs = 0, ...durations] = numbers;
  return { succeeded, clientErrors, serverErrors, coldStarts, durationMs, durations };
}

/** What came since an earlier reading of the same life. Totals never fall: what shows less came late and adds nothing. */
export function stepOf(before: RequestTotals, now: RequestTotals): RequestTotals {
  return combine(now, before, (a, b) => Math.max(0, a - b));
}

export function furthest(a: RequestTotals, b: RequestTotals): RequestTotals {
  return combine(a, b, Math.max);
}

export function sumOf(a: RequestTotals, b: RequestTotals): RequestTotals {
  return combine(a, b, (x, y) => x + y);
}

export function isNothing(totals: RequestTotals): boolean {
  return toNumbers(totals).every((number) => number === 0);
}

function combine(a: RequestTotals, b: RequestTotals, of: (a: number, b: number) => number): RequestTotals {
  const right = toNumbers(b);
  return fromNumbers(toNumbers(a).map((number, index) => of(number, right[index] ?? 0)));
}

type Figures = Pick<MetricPoint, 'tenantId' | 'functionId' | 'cluster' | 'at' | 'added' | 'inFlight' | 'pods'>;

/** One point for each function, cluster and interval, of every length; in the order in which rows are locked. */
export function pointsOf(figures: readonly Figures[]): MetricPoint[] {
  const points = new Map<string, MetricPoint>();
  for (const one of figures) {
    for (const resolution of RESOLUTIONS) {
      const length = resolution * 1000;
      const at = new Date(Math.floor(one.at.getTime() / length) * length);
      const key = `${one.tenantId}/${one.functionId}/${resolution}/${at.toISOString()}/${one.cluster}`;
      const known = points.get(key);
      points.set(key, known
        ? { ...known, added: sumOf(known.added, one.added), inFlight: Math.max(known.inFlight, one.inFlight), pods: Math.max(known.pods, one.pods) }
        : { ...one, resolution, at });
    }
  }
  return [...points].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, point]) => point);
}
