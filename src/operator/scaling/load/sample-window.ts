/** One look at counters of a process. */
export interface LoadSample {
  /** Unix time in ms. */
  at: number;
  /** The process's life: counters of another one begin at 0. */
  instance: string;
  /** Requests since the process began. */
  total: number;
  inFlight: number;
}

/** Rates are averages over this time: long enough for a steady figure, short enough for autoscalers. */
export const WINDOW_MS = 12_000;
/** What is older tells nothing of now, however few samples there are. */
const STALE_MS = 60_000;
const MOST_SAMPLES = 16;

/** The last looks at one process's counters. */
export class SampleWindow {
  private samples: LoadSample[] = [];

  /** Returns whether requests were seen since the sample before. */
  add(sample: LoadSample): boolean {
    const last = this.samples.at(-1);
    const began = last === undefined || last.instance !== sample.instance || sample.total < last.total;
    if (began || sample.at - last.at > STALE_MS) this.samples = [];
    this.samples.push(sample);
    // Two samples at least: their distance then is the window.
    while (this.samples.length > MOST_SAMPLES || (this.samples.length > 2 && sample.at - this.samples[1]!.at >= WINDOW_MS)) this.samples.shift();
    return sample.inFlight > 0 || (began ? sample.total > 0 : sample.total > last.total);
  }

  /** Unix time in ms of the newest sample; 0 without any. */
  get at(): number {
    return this.samples.at(-1)?.at ?? 0;
  }

  get seconds(): number {
    return this.samples.length === 0 ? 0 : (this.at - this.samples[0]!.at) / 1_000;
  }

  /** Requests a second; undefined while there is but one sample. */
  get perSecond(): number | undefined {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (!first || !last || last.at <= first.at) return undefined;
    return ((last.total - first.total) * 1_000) / (last.at - first.at);
  }

  /** Average of requests in flight. */
  get concurrency(): number | undefined {
    if (this.samples.length === 0) return undefined;
    return this.samples.reduce((sum, { inFlight }) => sum + inFlight, 0) / this.samples.length;
  }
}
