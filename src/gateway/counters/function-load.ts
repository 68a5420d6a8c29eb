import type { FunctionLoad } from '../../contract/load-report.js';
import { RequestCounters } from './request-counters.js';

/** One function's load as plain numbers; see `FunctionLoad`. */
export class LoadCounters {
  /** Requests with a pod. */
  inFlight = 0;
  waiting = 0;
  requests = 0;
  readonly series = new RequestCounters();
  private lastActiveAt = 0;

  /** A request has left it. */
  touch(): void {
    this.lastActiveAt = Date.now();
  }

  /** Undefined for a function that was never asked for. */
  report(functionId: string): FunctionLoad | undefined {
    const { inFlight, waiting, requests } = this;
    const busy = inFlight > 0 || waiting > 0;
    if (!busy && this.lastActiveAt === 0) return undefined;
    return { functionId, inFlight, waiting, requests, lastActiveAt: busy ? Date.now() : this.lastActiveAt };
  }
}
