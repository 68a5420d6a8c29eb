import { Counter, Gauge } from 'prom-client';
import { partLogger } from '../../platform/observability/logger.js';
import { registry } from '../../platform/observability/metrics.js';

const log = partLogger('meter');
const rounds = new Counter({ name: 'fnplane_meter_rounds_total', help: 'Rounds over the counters of one cluster or gateway.', labelNames: ['outcome'], registers: [registry] });
const lag = new Gauge({ name: 'fnplane_meter_last_success_timestamp_seconds', help: 'When a round was last booked.', labelNames: ['cluster'], registers: [registry] });

/** Reads one source of counters again and again. Each has a loop of its own: one that hangs holds up no other. */
export class MeterLoop {
  private running: Promise<void> | undefined;
  private wake: () => void = () => undefined;
  private stopping = false;

  constructor(
    readonly cluster: string,
    private readonly book: () => Promise<void>,
  ) {}

  start(intervalMs: number): void {
    this.running ??= this.run(intervalMs);
  }

  /** One last round, so that what was counted until now is booked; no longer than `graceMs`, as totals are read again by whoever comes next. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
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
      rounds.inc({ outcome: 'booked' });
      lag.setToCurrentTime({ cluster: this.cluster });
    } catch (error) {
      rounds.inc({ outcome: 'failed' });
      log.warn({ err: error, cluster: this.cluster }, 'a metering round failed; its counts are in the next one');
    }
  }
}
