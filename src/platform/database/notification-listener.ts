import { Client } from 'pg';
import { partLogger } from '../observability/logger.js';

export interface NotificationHandlers {
  heard(payload: string): void;
  /** There is a connection (again): what was told before was not heard. */
  connected(): void;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;

/** One connection that hears what is told on a channel, opened anew for as long as it is wanted. */
export class NotificationListener {
  private readonly log = partLogger('notifications');
  private readonly stopping = new AbortController();
  private readonly stopped = new Promise<void>((resolve) => this.stopping.signal.addEventListener('abort', () => resolve(), { once: true }));
  private running: Promise<void> | undefined;

  /** @param channel a plain word: it stands in a statement as it is */
  constructor(
    private readonly url: string,
    private readonly channel: string,
    private readonly handlers: NotificationHandlers,
  ) {}

  /** Idempotent; returns at once. */
  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      const client = new Client({ connectionString: this.url, application_name: `fnplane-${this.channel}`, keepAlive: true, connectionTimeoutMillis: 5_000 });
      try {
        const closed = new Promise<void>((resolve) => {
          client.on('error', () => resolve());
          client.on('end', () => resolve());
        });
        client.on('notification', ({ payload }) => this.handlers.heard(payload ?? ''));
        await client.connect();
        await client.query(`LISTEN ${this.channel}`);
        pause = FIRST_PAUSE_MS;
        this.handlers.connected();
        await Promise.race([closed, this.stopped]);
      } catch (error) {
        this.log.warn({ err: error, channel: this.channel }, 'cannot listen; trying again');
      } finally {
        await client.end().catch(() => undefined);
      }
      await Promise.race([new Promise((resolve) => setTimeout(resolve, pause).unref()), this.stopped]);
    }
  }
}
