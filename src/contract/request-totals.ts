/** Upper bounds in seconds of the histogram of durations, the same in all runtimes and for what a gateway counts in a runtime's place. */
export const DURATION_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30] as const;

/** One function's requests since a process began: what its time series are made of. Integers that only grow. */
export interface RequestTotals {
  /** Answered below 400. */
  succeeded: number;
  clientErrors: number;
  serverErrors: number;
  /** How often it had no pod when a request came, and came to one. */
  coldStarts: number;
  durationMs: number;
  /** Of what the function answered; not cumulative. By {@link DURATION_BOUNDS}, the last one beyond all. */
  durations: number[];
}

export function noRequests(): RequestTotals {
  return { succeeded: 0, clientErrors: 0, serverErrors: 0, coldStarts: 0, durationMs: 0, durations: new Array<number>(DURATION_BOUNDS.length + 1).fill(0) };
}

/** The counter that an answer's status belongs to. */
export function classOf(status: number): 'succeeded' | 'clientErrors' | 'serverErrors' {
  return status < 400 ? 'succeeded' : status < 500 ? 'clientErrors' : 'serverErrors';
}
