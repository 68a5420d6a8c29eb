import { setTimeout as pause } from 'node:timers/promises';

export interface WaitOptions {
  readonly deadlineMs: number;
  readonly intervalMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Called at each round: returns why waiting on is in vain, if it is. */
  readonly hopeless?: () => string | undefined;
}

export class WaitError extends Error {
  override readonly name = 'WaitError';
}

/**
 * Polls until `probe` answers something truthy.
 * @returns that answer
 * @throws WaitError at the deadline, with the probe's last error, or as soon as the wait is hopeless
 */
export async function waitFor<T>(what: string, probe: () => T | Promise<T>, options: WaitOptions): Promise<NonNullable<T>> {
  const end = Date.now() + options.deadlineMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await probe();
      if (answer) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    const vain = options.hopeless?.();
    if (vain) throw new WaitError(`Waiting for ${what}: ${vain}`);
    if (Date.now() >= end) {
      const why = last instanceof Error ? `: ${last.message}` : '';
      throw new WaitError(`Waited ${Math.round(options.deadlineMs / 1000)} s in vain for ${what}${why}`);
    }
    await pause(options.intervalMs ?? 50, undefined, { signal: options.signal });
  }
}
