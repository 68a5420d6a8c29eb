import type { CapacityPart, CapacitySpan } from './capacity.js';

/** Counted from 1970. All time zones are whole quarters of an hour away from UTC, so no window lies in two months. */
export const WINDOW_MS = 300_000;
/** So late a window of a pod that still runs is booked: news of its end in it, and clocks that differ, have come by then. */
export const SETTLE_MS = 60_000;
/** Of one span at once; the rest follows. Seven days. */
const MOST_PARTS = 2_016;

/**
 * The parts of a span that can be booked: whole windows while it goes on, all of it once its end is known. They follow from the span
 * alone, so that everybody who reads it comes to the same. Pure.
 * @param after begin of the last window that is booked
 */
export function dueParts(span: CapacitySpan, after: number | undefined): CapacityPart[] {
  const end = endOf(span);
  const parts: CapacityPart[] = [];
  const first = after === undefined ? windowOf(span.from) : Math.max(windowOf(span.from), after + WINDOW_MS);
  for (let windowAt = first; windowAt < end && parts.length < MOST_PARTS; windowAt += WINDOW_MS) {
    const from = Math.max(windowAt, span.from);
    const ms = Math.min(windowAt + WINDOW_MS, end) - from;
    if (ms > 0) parts.push({ windowAt, from, ms });
  }
  return parts;
}

/** Whether nothing of it can come any more. */
export function isComplete(span: CapacitySpan, after: number | undefined): boolean {
  return span.to !== undefined && dueParts(span, after).length === 0;
}

function endOf({ to, seenUntil }: CapacitySpan): number {
  return to ?? windowOf(seenUntil - SETTLE_MS);
}

function windowOf(at: number): number {
  return Math.floor(at / WINDOW_MS) * WINDOW_MS;
}
