/** Outcome classes in metrics: by status, or `aborted` when the caller left before the answer was complete. */
export const CODE_CLASSES = ['2xx', '3xx', '4xx', '5xx', 'aborted'] as const;
const ABORTED = 4;

/** Upper bounds in ms of the duration histogram; above the last one is `+Inf`. */
export const DURATION_BUCKETS_MS = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000, 60_000] as const;

/** How a function without a pod came to one: `plain`, its own was started; `warm`, one of the tenant's pool was taken. */
export const START_KINDS = ['plain', 'warm'] as const;
export type StartKind = (typeof START_KINDS)[number];

/** Plain numbers on the hot path; they become Prometheus series only when scraped. */
export class FunctionCounters {
  readonly codes = [0, 0, 0, 0, 0];
  /** Not cumulative; the last one is above all bounds. */
  readonly durations: number[] = new Array<number>(DURATION_BUCKETS_MS.length + 1).fill(0);
  durationSumMs = 0;
  readonly coldStarts: Record<StartKind, number> = { plain: 0, warm: 0 };

  constructor(
    readonly tenant: string,
    readonly functionName: string,
  ) {}

  count(status: number, durationMs: number): void {
    const index = status === 0 ? ABORTED : Math.min(3, Math.max(0, Math.floor(status / 100) - 2));
    this.codes[index]!++;
    this.durationSumMs += durationMs;
    let bucket = 0;
    while (bucket < DURATION_BUCKETS_MS.length && durationMs > DURATION_BUCKETS_MS[bucket]!) bucket++;
    this.durations[bucket]!++;
  }

  get total(): number {
    let sum = 0;
    for (const count of this.codes) sum += count;
    return sum;
  }

  /** Adds another function's numbers, for the sum of all that have no series of their own. */
  add(other: FunctionCounters): void {
    for (let i = 0; i < this.codes.length; i++) this.codes[i]! += other.codes[i]!;
    for (let i = 0; i < this.durations.length; i++) this.durations[i]! += other.durations[i]!;
    this.durationSumMs += other.durationSumMs;
    for (const kind of START_KINDS) this.coldStarts[kind] += other.coldStarts[kind];
  }
}
