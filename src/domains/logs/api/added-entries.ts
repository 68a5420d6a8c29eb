import type { LogEntry } from '../logs.service.js';
import { toLogEntryModel } from './log-entry.mapper.js';
import type { LogEntryModel } from './log-entry.model.js';

/** What one event of the subscription holds, under the subscription's own name. */
interface Added {
  functionLogAdded: LogEntryModel;
}

/** Batches of a log that is followed, as events of one entry each. No generator: ended while it waits, it ends the waiting. */
export class AddedEntries implements AsyncIterableIterator<Added> {
  private constructor(
    private ready: LogEntry[],
    private readonly batches: AsyncGenerator<LogEntry[]>,
    private readonly departure: AbortController,
  ) {}

  /** @throws {DomainError} what the first batch throws. */
  static async begin(batches: AsyncGenerator<LogEntry[]>, departure: AbortController): Promise<AddedEntries> {
    const first = await batches.next();
    return new AddedEntries(first.done ? [] : first.value, batches, departure);
  }

  async next(): Promise<IteratorResult<Added>> {
    while (this.ready.length === 0) {
      const next = await this.batches.next();
      if (next.done) return { done: true, value: undefined };
      this.ready = [...next.value];
    }
    return { done: false, value: { functionLogAdded: toLogEntryModel(this.ready.shift()!) } };
  }

  async return(): Promise<IteratorResult<Added>> {
    this.departure.abort();
    await this.batches.return(undefined);
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<Added>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
