import { setTimeout as pause } from 'node:timers/promises';

export interface EventuallyOptions {
  withinMs: number;
  everyMs?: number;
}

/** Tries until `attempt` no longer throws, and answers what it answers; the last error when time is up. */
export async function eventually<T>(attempt: () => Promise<T>, options: EventuallyOptions): Promise<T> {
  const deadline = Date.now() + options.withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() >= deadline) throw error;
      await pause(options.everyMs ?? 100);
    }
  }
}
