import { classOf, DURATION_BOUNDS, noRequests, type RequestTotals } from '../../contract/request-totals.js';

/**
 * What the gateway alone knows of a function's requests: those it refused in its place, starts from nothing, and, where the image serves
 * no counters, the answers. Everything else the function's pods count.
 */
export class RequestCounters {
  readonly totals: RequestTotals = noRequests();

  /** Whether there is anything to tell. */
  get any(): boolean {
    const { succeeded, clientErrors, serverErrors, coldStarts } = this.totals;
    return succeeded + clientErrors + serverErrors + coldStarts > 0;
  }

  /** @param status 0 when the caller left: then nobody was answered */
  countRefusal(status: number): void {
    if (status !== 0) this.totals[classOf(status)]++;
  }

  countAnswer(status: number, ms: number): void {
    this.countRefusal(status);
    let bucket = 0;
    while (bucket < DURATION_BOUNDS.length && ms > DURATION_BOUNDS[bucket]! * 1000) bucket++;
    this.totals.durations[bucket]!++;
    this.totals.durationMs += Math.ceil(ms);
  }
}
