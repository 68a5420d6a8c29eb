import type { Logger } from 'pino';
import { partLogger } from '../observability/logger.js';
import { backoffMs, type BackoffOptions } from './backoff.js';
import { queueAges, queueDepth, queueRetries, queueSeconds } from './kubernetes-metrics.js';

/** What a run of a key says about what comes next; nothing means done. */
export interface WorkOutcome {
  /** Run the key again after this time even if nobody adds it. */
  againAfterMs?: number;
}

export interface WorkQueueOptions {
  /** Name in metrics and logs. */
  name: string;
  /** Runs at once. */
  concurrency: number;
  /** Runs at once of one group; default: no limit but `concurrency`. */
  groupConcurrency?: number;
  /** Groups take turns, so that one with many keys does not keep the others waiting. Default: the key's namespace. */
  group?: (key: string) => string;
  /** A throw puts the key back with a growing delay. */
  handle: (key: string) => Promise<WorkOutcome | void>;
  /** Default 200 ms doubling up to 60 s. */
  backoff?: BackoffOptions;
  /** Called after each failed run, with the number of failures in a row. */
  onFailure?: (key: string, error: unknown, failures: number) => void;
}

interface Timer {
  at: number;
  handle: NodeJS.Timeout;
}

/**
 * Keys to be worked on. One key never runs twice at once; adding it while it runs makes it run once more afterwards; adding it
 * many times while it waits makes it run once. Starts paused: {@link resume} lets it work.
 */
export class WorkQueue {
  private readonly log: Logger;
  private readonly backoff: BackoffOptions;
  /** Waiting keys by group; the Map's order is whose turn it is. */
  private readonly ready = new Map<string, Set<string>>();
  private readonly running = new Map<string, string>();
  private readonly runningInGroup = new Map<string, number>();
  private readonly again = new Set<string>();
  private readonly timers = new Map<string, Timer>();
  private readonly failures = new Map<string, number>();
  /** When each key that has not been done since became due (monotonic ms). */
  private readonly dueSince = new Map<string, number>();
  private readonly age = (): number => this.oldestSeconds();
  private waiting = 0;
  private active = false;
  private closed = false;
  private readonly idleListeners = new Set<() => void>();

  constructor(private readonly options: WorkQueueOptions) {
    this.log = partLogger('queue').child({ queue: options.name });
    this.backoff = options.backoff ?? { baseMs: 200, maxMs: 60_000 };
    queueAges.set(options.name, this.age);
  }

  /** Keys that are due and wait. */
  get depth(): number {
    return this.waiting;
  }

  get runningCount(): number {
    return this.running.size;
  }

  /** Runs the key as soon as there is room. */
  add(key: string): void {
    if (this.closed) return;
    this.cancelTimer(key);
    if (this.running.has(key)) {
      this.again.add(key);
      return;
    }
    if (!this.dueSince.has(key)) this.dueSince.set(key, performance.now());
    const group = this.groupOf(key);
    const keys = this.ready.get(group);
    if (keys?.has(key)) return;
    if (keys) keys.add(key);
    else this.ready.set(group, new Set([key]));
    this.setWaiting(this.waiting + 1);
    this.work();
  }

  /** Runs the key after `delayMs`; an earlier time already set stays. */
  addAfter(key: string, delayMs: number): void {
    if (this.closed) return;
    if (delayMs <= 0) return this.add(key);
    const at = performance.now() + delayMs;
    const present = this.timers.get(key);
    if (present && present.at <= at) return;
    this.cancelTimer(key);
    // setTimeout's own limit is 2^31 ms.
    const handle = setTimeout(() => {
      this.timers.delete(key);
      this.add(key);
    }, Math.min(delayMs, 2_147_483_647));
    this.timers.set(key, { at, handle });
  }

  /** Forgets failures and what is planned for a key that is no more. A run under way is not stopped. */
  forget(key: string): void {
    this.cancelTimer(key);
    this.failures.delete(key);
    if (!this.running.has(key) && !this.ready.get(this.groupOf(key))?.has(key)) this.dueSince.delete(key);
  }

  /** What waited while it was paused waited for another process. */
  resume(): void {
    const now = performance.now();
    if (!this.active) for (const key of this.dueSince.keys()) this.dueSince.set(key, now);
    this.active = true;
    this.work();
  }

  /** Starts nothing new; keys are still taken in. */
  pause(): void {
    this.active = false;
  }

  /** Resolves when nothing runs and, unless paused, nothing is due. Delayed keys do not count. */
  async idle(): Promise<void> {
    while (this.running.size > 0 || (this.active && this.waiting > 0)) {
      await new Promise<void>((resolve) => { this.idleListeners.add(resolve); });
    }
  }

  /** Takes nothing more and waits for what runs. False when it still runs after `deadlineMs`. */
  async drain(deadlineMs = 15_000): Promise<boolean> {
    this.closed = true;
    this.active = false;
    for (const key of [...this.timers.keys()]) this.cancelTimer(key);
    this.ready.clear();
    this.setWaiting(0);
    if (queueAges.get(this.options.name) === this.age) queueAges.delete(this.options.name);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => { timer = setTimeout(() => resolve(false), deadlineMs); });
    return Promise.race([this.idle().then(() => true), late]).finally(() => clearTimeout(timer));
  }

  private oldestSeconds(): number {
    if (!this.active) return 0;
    let first = Number.POSITIVE_INFINITY;
    for (const since of this.dueSince.values()) first = Math.min(first, since);
    return Math.max(0, performance.now() - first) / 1_000;
  }

  private groupOf(key: string): string {
    return this.options.group ? this.options.group(key) : key.slice(0, Math.max(key.indexOf('/'), 0));
  }

  private work(): void {
    while (this.active && this.running.size < this.options.concurrency) {
      const next = this.takeNext();
      if (!next) return;
      void this.run(next.key, next.group);
    }
  }

  private takeNext(): { key: string; group: string } | undefined {
    const limit = this.options.groupConcurrency ?? Number.POSITIVE_INFINITY;
    for (const [group, keys] of this.ready) {
      if ((this.runningInGroup.get(group) ?? 0) >= limit) continue;
      const key = keys.values().next().value as string;
      keys.delete(key);
      // To the end of the line.
      this.ready.delete(group);
      if (keys.size > 0) this.ready.set(group, keys);
      this.setWaiting(this.waiting - 1);
      return { key, group };
    }
    return undefined;
  }

  private async run(key: string, group: string): Promise<void> {
    this.running.set(key, group);
    this.runningInGroup.set(group, (this.runningInGroup.get(group) ?? 0) + 1);
    const started = performance.now();
    let outcome = 'done';
    try {
      const next = await this.options.handle(key);
      this.failures.delete(key);
      this.dueSince.delete(key);
      if (next?.againAfterMs !== undefined && !this.again.has(key)) this.addAfter(key, next.againAfterMs);
    } catch (error) {
      outcome = 'failed';
      this.failed(key, error);
    }
    queueSeconds.observe({ queue: this.options.name, outcome }, (performance.now() - started) / 1_000);
    this.finished(key, group);
  }

  private failed(key: string, error: unknown): void {
    const failures = (this.failures.get(key) ?? 0) + 1;
    this.failures.set(key, failures);
    queueRetries.inc({ queue: this.options.name });
    try {
      this.options.onFailure?.(key, error, failures);
    } catch (thrown) {
      this.log.error({ err: thrown }, 'failure listener failed');
    }
    // A change that came meanwhile may be the failure's own echo or the remedy: it shortens the delay, but does not jump it.
    const soon = this.again.delete(key) ? this.backoff.baseMs * 5 : Number.POSITIVE_INFINITY;
    if (!this.closed) this.addAfter(key, Math.max(1, Math.min(soon, backoffMs(failures, this.backoff))));
  }

  private finished(key: string, group: string): void {
    this.running.delete(key);
    const left = (this.runningInGroup.get(group) ?? 1) - 1;
    if (left > 0) this.runningInGroup.set(group, left);
    else this.runningInGroup.delete(group);
    if (this.again.delete(key)) this.add(key);
    this.work();
    for (const listener of this.idleListeners) listener();
    this.idleListeners.clear();
  }

  private cancelTimer(key: string): void {
    const timer = this.timers.get(key);
    if (!timer) return;
    clearTimeout(timer.handle);
    this.timers.delete(key);
  }

  private setWaiting(count: number): void {
    this.waiting = count;
    queueDepth.set({ queue: this.options.name }, count);
  }
}
