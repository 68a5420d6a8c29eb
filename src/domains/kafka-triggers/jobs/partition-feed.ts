import { setTimeout as pause } from 'node:timers/promises';
import type { KafkaRecord } from '../../../platform/kafka/record-batches.policy.js';
import { batchLength, bytesOf } from '../batch-body.policy.js';

/** One partition as it is read: what was fetched and not yet taken, and how far the group is. */
export class PartitionFeed {
  readonly key: string;
  bytes = 0;
  private records: KafkaRecord[] = [];
  /** Behind the last record that was taken. */
  private taken: bigint | undefined;
  private wake: () => void = () => undefined;

  /** @param next the first offset to fetch @param end where the partition ends */
  constructor(readonly topic: string, readonly partition: number, public next: bigint, public end: bigint) {
    this.key = `${topic}/${partition}`;
    this.committed = next;
  }

  /** The next record the group will read. */
  committed: bigint;

  get lag(): bigint {
    return this.end > this.committed ? this.end - this.committed : 0n;
  }

  push(records: readonly KafkaRecord[], next: bigint, end: bigint): void {
    // Not by spreading: there may be very many.
    for (const record of records) {
      this.records.push(record);
      this.bytes += bytesOf(record);
    }
    // Where there is nothing but what no reader sees, the group is as far as that.
    if (this.records.length === 0 && this.committed === this.next) this.committed = next;
    [this.next, this.end] = [next, end];
    this.wake();
  }

  /** Waits for a record, and then for `windowMs` or until a batch is full. */
  async filled(mostRecords: number, mostBytes: number, windowMs: number, signal: AbortSignal): Promise<void> {
    while (this.records.length === 0) await this.news(signal);
    const until = performance.now() + windowMs;
    for (let left = windowMs; left > 0 && this.records.length < mostRecords && this.bytes < mostBytes; left = until - performance.now()) {
      await Promise.race([this.news(signal), pause(left, undefined, { signal, ref: false })]);
    }
  }

  /** At least one record. */
  take(mostRecords: number, mostBytes: number): KafkaRecord[] {
    const taken = this.records.splice(0, batchLength(this.records, mostRecords, mostBytes));
    for (const record of taken) this.bytes -= bytesOf(record);
    this.taken = (taken.at(-1)?.offset ?? -1n) + 1n;
    return taken;
  }

  /** Where the group stands once all below `next` is done: behind what no reader sees, too, where nothing else was fetched. */
  positionAt(next: bigint): bigint {
    return this.records.length === 0 && next === this.taken ? this.next : next;
  }

  private news(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const leave = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', leave, { once: true });
      const before = this.wake;
      this.wake = () => {
        signal.removeEventListener('abort', leave);
        before();
        resolve();
        this.wake = () => undefined;
      };
    });
  }
}
