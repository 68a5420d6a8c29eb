import type { Sample } from './scraped-metric.js';

/** Durations as plain numbers, counted on the hot path; they become Prometheus series when scraped. */
export class DurationHistogram {
  /** Not cumulative; the last one is above all bounds. */
  private readonly counts: number[];
  private sumMs = 0;

  /** @param boundsMs upper bounds, rising */
  constructor(private readonly boundsMs: readonly number[]) {
    this.counts = new Array<number>(boundsMs.length + 1).fill(0);
  }

  observe(ms: number): void {
    let bucket = 0;
    while (bucket < this.boundsMs.length && ms > this.boundsMs[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sumMs += ms;
  }

  samples(name: string, labels: Record<string, string> = {}): Sample[] {
    let cumulative = 0;
    const buckets = this.counts.map((count, i) => {
      cumulative += count;
      const bound = this.boundsMs[i];
      return { metricName: `${name}_bucket`, labels: { ...labels, le: bound === undefined ? '+Inf' : bound / 1000 }, value: cumulative };
    });
    return [...buckets, { metricName: `${name}_sum`, labels, value: this.sumMs / 1000 }, { metricName: `${name}_count`, labels, value: cumulative }];
  }
}
