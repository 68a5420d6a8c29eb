import { classOf, DURATION_BOUNDS, noRequests, type RequestTotals } from '../../contract/request-totals.js';
import { METRIC } from '../../contract/runtime.js';

/** What a pod's page tells of its function's requests. */
export interface PodRequests {
  totals: RequestTotals;
  /** Being run or waiting for a slot, at this moment. */
  inFlight: number;
}

const STATUS = new RegExp(`^${METRIC.requests}\\{[^}]*status="([1-5]\\d\\d)"[^}]*\\} (\\d{1,12})(?:\\.0)?$`);
const BUCKET = new RegExp(`^${METRIC.duration}_bucket\\{[^}]*le="([^"]{1,20})"[^}]*\\} (\\d{1,12})(?:\\.0)?$`);
const SUM = new RegExp(`^${METRIC.duration}_sum(?:\\{[^}]*\\})? (\\d{1,9}(?:\\.\\d+)?)$`);
const IN_FLIGHT = new RegExp(`^${METRIC.inFlight}(?:\\{[^}]*\\})? (\\d{1,9})(?:\\.0)?$`);

/**
 * Reads Prometheus text that a tenant's own code may have written: what is not of the contract's form, or larger than a real pod can
 * have come to, is left out. Bounds other than the runtimes' own count under the next higher one.
 */
export function parseRequests(text: string): PodRequests {
  const totals = noRequests();
  const cumulative = new Map<number, number>();
  let inFlight = 0;
  for (const line of text.split('\n')) {
    if (line.startsWith(METRIC.requests)) {
      const [, status, answers] = STATUS.exec(line) ?? [];
      if (status) totals[classOf(Number(status))] += Number(answers);
    } else if (line.startsWith(METRIC.duration)) {
      const [, bound, count] = BUCKET.exec(line) ?? [];
      if (bound) note(cumulative, slotOf(bound), Number(count));
      const [, seconds] = bound ? [] : SUM.exec(line) ?? [];
      if (seconds) totals.durationMs += Math.round(Number(seconds) * 1000);
    } else if (line.startsWith(METRIC.inFlight)) {
      inFlight += Number(IN_FLIGHT.exec(line)?.[1] ?? 0);
    }
  }
  let before = 0;
  for (let slot = 0; slot < totals.durations.length; slot += 1) {
    const upTo = Math.max(before, cumulative.get(slot) ?? before);
    totals.durations[slot] = upTo - before;
    before = upTo;
  }
  return { totals, inFlight };
}

/** The larger of what is said of one slot: cumulative counts grow with their bounds. */
function note(cumulative: Map<number, number>, slot: number, count: number): void {
  cumulative.set(slot, Math.max(cumulative.get(slot) ?? 0, count));
}

function slotOf(bound: string): number {
  const seconds = Number(bound);
  const slot = DURATION_BOUNDS.findIndex((upper) => seconds <= upper);
  return slot < 0 ? DURATION_BOUNDS.length : slot;
}
