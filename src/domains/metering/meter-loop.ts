import { Counter, Gauge } from 'prom-client';
import { partLogger } from '../../platform/observability/logger.js';
import { registry } from '../../platform/observability/metrics.js';

const log = partLogger('meter');
const rounds = new Counter({ name: 'fnplane_meter_rounds_total', help: 'Rounds over the counters of a cluster\'s pods or of a gateway, by outcome: booked or failed', labelNames: ['cluster', 'source', 'outcome'], registers: [registry] });
/** Those that read. */
const loops = new Set<MeterLoop>();
export const lastSuccess = new Gauge({
  name: 'fnplane_meter_last_success_timestamp_seconds', help: 'When a round over a cluster\'s pods, or over the gateway that is furthest behind, was last booked; when reading began, before the first',
  labelNames: ['cluster', 'source'], registers: [registry],
  collect() {
    this.reset();
    const behind = new Map<string, MeterLoop>();
    for (const loop of loops) {
      const key = `${loop.source}/${loop.cluster}`;
      if (loop.bookedAt < (behind.get(key)?.bookedAt ?? Number.POSITIVE_INFINITY)) behind.set(key, loop);
    }
    for (const { cluster, source, bookedAt } of behind.values()) this.set({ cluster, source }, bookedAt);
  },
});

/** `pods` of a cluster, or one of its gateways. */
export type MeterSource = 'pods' | 'gateway';

/** Reads one source of counters again and again. Each has a loop of its own: one that hangs holds up no other. */
export class MeterLoop {
  private running: Promise<void> | undefined;
  private wake: () => void = () => undefined;
  private stopping = false;
  /** When a round was last booked, or reading began; seconds since the epoch. */
  bookedAt = Date.now() / 1000;

  constructor(
    readonly cluster: string,
    readonly source: MeterSource,
    private readonly book: () => Promise<void>,
  ) {}

  start(intervalMs: number): void {
    if (this.running) return;
    this.bookedAt = Date.now() / 1000;
    loops.add(this);
    this.running = this.run(intervalMs);
  }

  /** One last round, so that what was counted until now is booked; no longer than `graceMs`, as totals are read again by whoever comes next. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    loops.delete(this);
    this.wake();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => { timer = setTimeout(resolve, graceMs); });
    await Promise.race([(this.running ?? Promise.resolve()).then(() => this.round()), late]);
    clearTimeout(timer);
  }

  private async run(intervalMs: number): Promise<void> {
    while (!this.stopping) {
      await this.round();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, intervalMs);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
        if (this.stopping) this.wake();
      });
    }
  }

  private async round(): Promise<void> {
    try {
      await this.book();
      rounds.inc({ cluster: this.cluster, source: this.source, outcome: 'booked' });
      this.bookedAt = Date.now() / 1000;
    } catch (error) {
      rounds.inc({ cluster: this.cluster, source: this.source, outcome: 'failed' });
      log.warn({ err: error, cluster: this.cluster }, 'a metering round failed; its counts are in the next one');
    }
  }
}
