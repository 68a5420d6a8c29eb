import { stateOfPartitions, type PartitionTrouble, type ReadyState } from './consumer-state.policy.js';
import { recordsTotal } from './kafka-trigger-metrics.js';

export interface TallySums {
  delivered: number;
  failed: number;
  deadLettered: number;
  skipped: number;
}

/** What a consumer did since it was last asked, and which of its partitions stand still. */
export class ConsumerTally {
  private sums: TallySums = { delivered: 0, failed: 0, deadLettered: 0, skipped: 0 };
  private readonly troubles = new Map<string, PartitionTrouble>();

  delivered(records: number): void {
    this.sums.delivered += records;
    recordsTotal.inc({ outcome: 'delivered' }, records);
  }

  failedOnce(): void {
    this.sums.failed += 1;
  }

  deadLettered(): void {
    this.sums.deadLettered += 1;
    recordsTotal.inc({ outcome: 'dead-lettered' });
  }

  skipped(): void {
    this.sums.skipped += 1;
    recordsTotal.inc({ outcome: 'skipped' });
  }

  stands({ topic, partition }: { topic: string; partition: number }, trouble: PartitionTrouble): void {
    this.troubles.set(`${topic}/${partition}`, trouble);
  }

  goesOn({ topic, partition }: { topic: string; partition: number }): void {
    this.troubles.delete(`${topic}/${partition}`);
  }

  get state(): ReadyState {
    return stateOfPartitions(this.troubles);
  }

  /** Takes what was counted out; {@link putBack} where it could not be written down. */
  take(): TallySums {
    const taken = this.sums;
    this.sums = { delivered: 0, failed: 0, deadLettered: 0, skipped: 0 };
    return taken;
  }

  putBack(taken: TallySums): void {
    for (const field of ['delivered', 'failed', 'deadLettered', 'skipped'] as const) this.sums[field] += taken[field];
  }
}
