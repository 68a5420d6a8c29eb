import { setTimeout as pause } from 'node:timers/promises';
import { backoffMs } from '../kubernetes/backoff.js';
import { keyServiceUnavailable } from './key-provider.js';
import { KeyServiceFault } from './key-service-fault.js';

export interface KeyServiceLimits {
  /** Of one attempt. */
  timeoutMs: number;
  attempts: number;
  backoff: { baseMs: number; maxMs: number };
  /** Calls at once; one more is refused rather than kept waiting. */
  mostAtOnce: number;
  /** Once a call failed for good the next ones fail without being sent, for this long and longer each time. */
  rest: { baseMs: number; maxMs: number };
}

const LIMITS: KeyServiceLimits = { timeoutMs: 2_000, attempts: 3, backoff: { baseMs: 100, maxMs: 1_000 }, mostAtOnce: 128, rest: { baseMs: 500, maxMs: 15_000 } };

/**
 * Calls to a key service: bounded in time, retried a few times with backoff, and spared to a service that is down: after a failed call
 * one at a time is let through, until one succeeds.
 */
export class KeyServiceCalls {
  private running = 0;
  private failures = 0;
  private restUntil = 0;
  private probing = false;
  private readonly limits: KeyServiceLimits;

  constructor(limits: Partial<KeyServiceLimits> = {}) {
    this.limits = { ...LIMITS, ...limits };
  }

  /**
   * @param attempt throws {@link KeyServiceFault} for what may be tried again; other errors pass.
   * @throws {DomainError} KEY_SERVICE_UNAVAILABLE
   */
  async run<T>(attempt: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const probe = this.failures > 0;
    if (this.running >= this.limits.mostAtOnce || (probe && (this.probing || Date.now() < this.restUntil))) throw keyServiceUnavailable();
    this.running += 1;
    if (probe) this.probing = true;
    try {
      const answer = await this.attempts(attempt, signal, probe ? 1 : this.limits.attempts);
      this.failures = 0;
      return answer;
    } finally {
      this.running -= 1;
      if (probe) this.probing = false;
    }
  }

  private async attempts<T>(attempt: (signal: AbortSignal) => Promise<T>, signal: AbortSignal | undefined, most: number): Promise<T> {
    for (let tried = 1; ; tried += 1) {
      try {
        const limit = AbortSignal.timeout(this.limits.timeoutMs);
        return await attempt(signal ? AbortSignal.any([signal, limit]) : limit);
      } catch (error) {
        if (!(error instanceof KeyServiceFault) || signal?.aborted) throw error;
        if (tried >= most) {
          this.failures += 1;
          this.restUntil = Date.now() + backoffMs(this.failures, this.limits.rest);
          throw keyServiceUnavailable(error);
        }
        await pause(backoffMs(tried, this.limits.backoff), undefined, { signal });
      }
    }
  }
}

/** Runs `work` over the items, a few at a time; in their order. */
export async function inTurns<Item, Result>(items: readonly Item[], atOnce: number, work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += atOnce) results.push(...(await Promise.all(items.slice(at, at + atOnce).map(work))));
  return results;
}
