import { randomUUID } from 'node:crypto';
import type { UsageTotals } from '../../contract/runtime.js';
import type { GatewayUsageReport } from '../../contract/usage-report.js';

/** The totals of one revision, and when they last changed (monotonic ms). */
export interface UsageRecord extends UsageTotals {
  readonly tenantId: string;
  readonly functionId: string;
  readonly revision: number;
  changedAt: number;
  /** Left out of the reports from now on: whoever holds it must ask for a new one. */
  dropped: boolean;
}

/** Records kept at most. At the limit the tenth that is longest without a change goes, long after every meter has read it. */
const LIMIT = 50_000;

/** Billable totals of functions whose image serves no metrics of its own. They only grow while the process lives. */
export class UsageCounters {
  readonly instance = randomUUID();
  private readonly records = new Map<string, UsageRecord>();

  constructor(private readonly limit = LIMIT) {}

  /** The record of one revision, made on first use. */
  record(tenantId: string, functionId: string, revision: number): UsageRecord {
    const key = `${functionId}:${revision}`;
    let record = this.records.get(key);
    if (!record) {
      if (this.records.size >= this.limit) this.dropStale();
      record = { tenantId, functionId, revision, invocations: 0, billedMs: 0, requestBytes: 0, responseBytes: 0, changedAt: performance.now(), dropped: false };
      this.records.set(key, record);
    }
    return record;
  }

  report(): GatewayUsageReport {
    const functions = [...this.records.values()].map(({ tenantId, functionId, revision, invocations, billedMs, requestBytes, responseBytes }) =>
      ({ tenantId, functionId, revision, invocations, billedMs, requestBytes, responseBytes }));
    return { instance: this.instance, functions };
  }

  private dropStale(): void {
    const stalest = [...this.records].sort(([, a], [, b]) => a.changedAt - b.changedAt).slice(0, Math.ceil(this.limit / 10));
    for (const [key, record] of stalest) {
      record.dropped = true;
      this.records.delete(key);
    }
  }
}
