import { setTimeout as pause } from 'node:timers/promises';

export interface UntilOptions {
  withinMs: number;
  everyMs: number;
  signal?: AbortSignal;
}

/**
 * Asks until the answer is something.
 * @throws after `withinMs`, with what `describe` says of the last answer
 */
export async function until<T>(what: string, ask: () => Promise<{ found: T } | { seen: string }>, { withinMs, everyMs, signal }: UntilOptions): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    signal?.throwIfAborted();
    const answer = await ask();
    if ('found' in answer) return answer.found;
    if (performance.now() > deadline) throw new Error(`${what} did not come about within ${withinMs / 1000} s: ${answer.seen}`);
    await pause(everyMs, undefined, { signal });
  }
}

/** Runs `work` on each item, at most `parallel` at once. @throws the first failure, once all that began has ended */
export async function inParallel<T>(items: readonly T[], parallel: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const failures: unknown[] = [];
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, async () => {
    for (const item of left) {
      if (failures.length > 0) return;
      await work(item).catch((error: unknown) => failures.push(error));
    }
  }));
  if (failures.length > 0) throw failures[0];
}
