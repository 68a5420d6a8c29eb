import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { backoffMs } from '../../platform/kubernetes/backoff.js';
import { partLogger } from '../../platform/observability/logger.js';
import { CronFiring } from './cron-firing.js';

const log = partLogger('cron');
/** Looks again after so long, whatever it heard: a notification may be lost. */
const LONGEST_SLEEP_MS = 5_000;
/** What is due and was not fired is in the hands of another worker. */
const WHILE_HELD_MS = 50;

/** Fires what is due as soon as it is, until stopped. Any number of processes may have one. */
@Injectable()
export class CronLoop {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private news = new AbortController();

  constructor(private readonly firing: CronFiring) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Due times have changed. */
  wake(): void {
    this.news.abort();
  }

  /** What is being fired comes to its end, or is rolled back with its connection. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    for (let failures = 0; !signal.aborted;) {
      try {
        // What comes while it looks counts for the next sleep.
        this.news = new AbortController();
        const fired = await this.firing.fire();
        failures = 0;
        if (fired === 0) await this.sleep(sleepMs(await this.firing.wait()));
      } catch (error) {
        failures += 1;
        log.warn({ err: error }, 'due cron triggers could not be fired; trying again');
        await this.sleep(backoffMs(failures, { baseMs: 250, maxMs: LONGEST_SLEEP_MS }));
      }
    }
  }

  private async sleep(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: AbortSignal.any([this.stopping.signal, this.news.signal]) }).catch(() => undefined);
  }
}

/** @param waitMs until something is due. */
function sleepMs(waitMs: number | undefined): number {
  if (waitMs === 0) return WHILE_HELD_MS;
  return Math.min((waitMs ?? LONGEST_SLEEP_MS) + 1, LONGEST_SLEEP_MS);
}
