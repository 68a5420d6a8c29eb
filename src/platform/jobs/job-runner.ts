import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { Counter, Gauge, Histogram } from 'prom-client';
import { systemContext } from '../context/context.js';
import type { Database } from '../database/database.js';
import { DomainError } from '../errors/domain-error.js';
import { partLogger, withLogContext } from '../observability/logger.js';
import { registry } from '../observability/metrics.js';

/** What a run of a key came to: nothing more to do, or look again after a while (drift checks, waiting on the world). */
export type JobOutcome = { again: 'never' } | { again: 'after'; delayMs: number };
export const DONE: JobOutcome = { again: 'never' };
export function againAfter(delayMs: number): JobOutcome {
  return { again: 'after', delayMs };
}

export interface JobHandler {
  readonly kind: string;
  /** Runs at once in this process. */
  readonly concurrency: number;
  /** Key that every worker asks for when it starts, of work that then goes on by itself. */
  readonly standing?: string;
  /** Thrown errors are retried with backoff; the same key never runs twice at once, in any process. */
  handle(key: string, signal: AbortSignal): Promise<JobOutcome>;
}

interface Claim {
  kind: string;
  key: string;
  claimed_gen: string;
  /** New with each claim: fences off an earlier run of the same key whose lease ran out. */
  lease: string;
  attempts: number;
}

/** A claim as Postgres tells it; of all rows of one, the same group in which it ended, and how many keys were due, counted up to 100. */
type ClaimedRow = Omit<Claim, 'kind'> & { reached: string; due: number };

const NOTHING: { claims: Claim[]; due: number } = { claims: [], due: 0 };

const LEASE_MS = 30_000;
const POLL_MS = 2_000;
const BACKOFF_FIRST_MS = 250;
const BACKOFF_LAST_MS = 60_000;

const depth = new Gauge({ name: 'fnplane_jobs_running', help: 'Jobs running in this process.', labelNames: ['kind'], registers: [registry] });
const runs = new Counter({ name: 'fnplane_jobs_total', help: 'Finished job runs.', labelNames: ['kind', 'outcome'], registers: [registry] });
const durations = new Histogram({ name: 'fnplane_job_duration_seconds', help: 'Run time of jobs.', labelNames: ['kind'], buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120], registers: [registry] });

/** Runs keyed work of the registered kinds until stopped. Any number of runners may share the table. */
export class JobRunner {
  private readonly log = partLogger('jobs');
  private readonly context = systemContext('jobs');
  private readonly running = new Map<string, Set<Promise<void>>>();
  private readonly abort = new AbortController();
  private readonly stopped = new Promise<void>((resolve) => this.abort.signal.addEventListener('abort', () => resolve(), { once: true }));
  private readonly wake = new Map<string, () => void>();
  /** By kind: the group after which the next claim begins. */
  private readonly reached = new Map<string, string>();
  private loops: Promise<void>[] = [];

  constructor(
    private readonly database: Database,
    private readonly url: string,
    private readonly handlers: readonly JobHandler[],
  ) {}

  start(): void {
    this.loops = [this.listen(), ...this.handlers.map((handler) => this.loop(handler))];
  }

  /** Calls `heard` when news of this kind, which no handler has, come over the channel of work. They may be lost. */
  hear(kind: string, heard: () => void): void {
    this.wake.set(kind, heard);
  }

  /** Stops claiming, lets running jobs finish until `graceMs`, then aborts them; their leases run out by themselves. */
  async stop(graceMs: number): Promise<void> {
    this.abort.abort();
    for (const wake of this.wake.values()) wake();
    const left = [...this.running.values()].flatMap((set) => [...set]);
    await Promise.race([Promise.allSettled(left), new Promise((resolve) => setTimeout(resolve, graceMs).unref())]);
    await Promise.allSettled(this.loops);
  }

  private async loop(handler: JobHandler): Promise<void> {
    const mine = new Set<Promise<void>>();
    this.running.set(handler.kind, mine);
    const sleep = this.sleeper(handler.kind);
    while (!this.abort.signal.aborted) {
      const free = handler.concurrency - mine.size;
      const { claims, due } = free > 0 ? await this.claim(handler.kind, free).catch((error: unknown) => this.claimFailed(error)) : NOTHING;
      for (const claim of claims) {
        const run = this.run(handler, claim).finally(() => {
          mine.delete(run);
          this.wake.get(handler.kind)?.();
        });
        mine.add(run);
      }
      depth.set({ kind: handler.kind }, mine.size);
      // Of groups with little left, less is taken than there is room for: the others have more.
      const isDone = claims.length === 0 || (claims.length < free && due <= claims.length);
      if (isDone) await sleep(POLL_MS);
    }
  }

  private claimFailed(error: unknown): typeof NOTHING {
    this.log.warn({ err: error }, 'work could not be claimed; trying again');
    return NOTHING;
  }

  /** Sleeps until a notification, a finished run, a due key or stop; a wake-up that came while nobody slept counts for the next sleep. */
  private sleeper(kind: string): (ms: number) => Promise<void> {
    let awake = false;
    let rouse: (() => void) | undefined;
    this.wake.set(kind, () => {
      awake = true;
      rouse?.();
    });
    return async (ms) => {
      if (!awake && !this.abort.signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          rouse = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      rouse = undefined;
      awake = false;
    };
  }

  /** Takes due keys of the fair groups in turn, and holds them by lease. */
  private async claim(kind: string, limit: number): Promise<{ claims: Claim[]; due: number }> {
    const rows = await this.database.statement<ClaimedRow>(this.context,
      'SELECT key, claimed_gen, lease, attempts, reached, due FROM claim_work($1, $2, $3, $4, $5)', [kind, limit, randomUUID(), LEASE_MS, this.reached.get(kind) ?? '']);
    const [first] = rows;
    if (first) this.reached.set(kind, first.reached);
    return { claims: rows.map(({ key, claimed_gen, lease, attempts }) => ({ kind, key, claimed_gen, lease, attempts })), due: first?.due ?? 0 };
  }

  private async run(handler: JobHandler, claim: Claim): Promise<void> {
    const signal = AbortSignal.any([this.abort.signal]);
    const heartbeat = setInterval(() => void this.extend(claim), LEASE_MS / 3);
    const end = durations.startTimer({ kind: claim.kind });
    try {
      const outcome = await withLogContext({ job: `${claim.kind}/${claim.key}` }, () => handler.handle(claim.key, signal));
      await this.finish(claim, outcome);
      if (outcome.again === 'after') this.wakeIn(claim.kind, outcome.delayMs);
      runs.inc({ kind: claim.kind, outcome: outcome.again === 'never' ? 'done' : 'again' });
    } catch (error) {
      await this.retry(claim, error);
      runs.inc({ kind: claim.kind, outcome: 'failed' });
    } finally {
      clearInterval(heartbeat);
      end();
    }
  }

  private async extend(claim: Claim): Promise<void> {
    await this.update(`UPDATE work_item SET visible_at = clock_timestamp() + $4 * interval '1 millisecond' WHERE kind = $1 AND key = $2 AND lease = $3`, claim, LEASE_MS)
      .catch((error: unknown) => this.log.warn({ err: error, key: claim.key }, 'a lease could not be extended'));
  }

  /** Deletes the item unless its key was asked for again meanwhile: then it is due at once. */
  private async finish(claim: Claim, outcome: JobOutcome): Promise<void> {
    const delay = outcome.again === 'after' ? Math.round(outcome.delayMs) : 0;
    try {
      const removed = outcome.again === 'never'
        ? await this.update('DELETE FROM work_item WHERE kind = $1 AND key = $2 AND lease = $3 AND gen = claimed_gen RETURNING key', claim) : [];
      if (removed.length > 0) return;
      await this.update(
        `UPDATE work_item SET lease = NULL, attempts = 0, last_error = NULL,
           visible_at = clock_timestamp() + CASE WHEN gen = claimed_gen THEN $4 ELSE 0 END * interval '1 millisecond'
         WHERE kind = $1 AND key = $2 AND lease = $3`, claim, delay);
    } catch (error) {
      this.log.warn({ err: error, key: claim.key }, 'a finished job could not be recorded; it will run again');
    }
  }

  private async retry(claim: Claim, error: unknown): Promise<void> {
    const backoff = Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(claim.attempts - 1, 16)) * (0.8 + Math.random() * 0.4);
    const text = error instanceof DomainError ? `${error.code}: ${error.message}` : (error as Error)?.name ?? 'error';
    const level = error instanceof DomainError && error.retryable ? 'info' : 'error';
    if (!this.abort.signal.aborted) this.log[level]({ err: error, kind: claim.kind, key: claim.key, attempts: claim.attempts }, 'a job failed and will be retried');
    await this.update(
      `UPDATE work_item SET lease = NULL, last_error = $5,
         visible_at = clock_timestamp() + CASE WHEN gen = claimed_gen THEN $4 ELSE 0 END * interval '1 millisecond'
       WHERE kind = $1 AND key = $2 AND lease = $3`,
      claim, Math.round(backoff), text.slice(0, 1000),
    ).catch((problem: unknown) => this.log.warn({ err: problem, key: claim.key }, 'a failed job could not be recorded; its lease will run out'));
    this.wakeIn(claim.kind, backoff);
  }

  /** Looks when the key is due again, if that is sooner than the next poll. */
  private wakeIn(kind: string, delayMs: number): void {
    if (delayMs < POLL_MS) setTimeout(() => this.wake.get(kind)?.(), delayMs + 5).unref();
  }

  private update(statement: string, claim: Claim, ...values: unknown[]): Promise<object[]> {
    return this.database.statement(this.context, statement, [claim.kind, claim.key, claim.lease, ...values]);
  }

  /** One connection that hears of new work; polling goes on meanwhile, so a lost notification costs at most POLL_MS. */
  private async listen(): Promise<void> {
    const { signal } = this.abort;
    for (let pause = 250; !signal.aborted; pause = Math.min(pause * 2, 15_000)) {
      const client = new Client({ connectionString: this.url, application_name: 'fnplane-jobs', keepAlive: true, connectionTimeoutMillis: 5_000 });
      try {
        const closed = new Promise<void>((resolve) => {
          client.on('error', () => resolve());
          client.on('end', () => resolve());
        });
        client.on('notification', (message) => this.wake.get(message.payload ?? '')?.());
        await client.connect();
        await client.query('LISTEN fnplane_work');
        pause = 250;
        await Promise.race([closed, this.stopped]);
      } catch (error) {
        this.log.warn({ err: error }, 'cannot listen for new work; polling goes on');
      } finally {
        await client.end().catch(() => undefined);
      }
      await Promise.race([new Promise((resolve) => setTimeout(resolve, pause).unref()), this.stopped]);
    }
  }
}
