import { partLogger } from './logger.js';

/** What gauges of the store show is this old at most: cheap however often and by however many it is scraped. */
const EVERY_MS = 15_000;

const log = partLogger('metrics');

/** Reads what gauges show from the store, again and again: a store that hangs then holds up no scrape. */
export class PeriodicReading {
  private timer: NodeJS.Timeout | undefined;
  private reading: Promise<void> | undefined;

  /**
   * @param read sets the gauges
   * @param forget empties them: what is not known any more is not shown
   */
  constructor(
    private readonly read: () => Promise<void>,
    private readonly forget: () => void,
    private readonly everyMs = EVERY_MS,
  ) {}

  start(): void {
    this.timer ??= setInterval(() => this.round(), this.everyMs).unref();
    this.round();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.reading;
    this.forget();
  }

  /** None begins before the last one has ended. */
  private round(): void {
    this.reading ??= this.read().catch((error: unknown) => {
      log.warn({ err: error }, 'gauges of the store could not be read; they are left out until they can');
      this.forget();
    }).finally(() => { this.reading = undefined; });
  }
}
