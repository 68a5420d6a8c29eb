import { Injectable } from '@nestjs/common';
import { BoundedCache } from '../../platform/caching/bounded-cache.js';
import { systemContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { SpendLimits } from '../quotas/spend-limits.js';
import { spanKey, type CapacityPart, type CapacitySpan } from './capacity.js';
import { dueParts, isComplete } from './capacity-windows.policy.js';
import { CapacityLedgerRepository } from './store/capacity-ledger.repository.js';

const BATCH = 500;
const REMEMBERED = 100_000;
const REMEMBERED_MS = 3_600_000;
/** Of what is not booked yet. */
const NOTHING = Number.NEGATIVE_INFINITY;

/**
 * Books what pods were kept ready into the append-only ledger. What a pod was in a window follows from the cluster's own times, and a
 * unique key keeps it from being booked twice: any number of meters, killed and started anew, come to the same.
 */
@Injectable()
export class CapacityLedger {
  private readonly context = systemContext('meter');
  /** Begin of the last window booked of each span. Forgetting is harmless: it is read again. */
  private readonly booked = new BoundedCache<string, number>(REMEMBERED, REMEMBERED_MS);

  constructor(
    private readonly database: Database,
    private readonly ledger: CapacityLedgerRepository,
    private readonly spend: SpendLimits,
  ) {}

  /** Throws when Postgres is out of reach; nothing is lost then, as long as the cluster knows the pods. */
  async book(spans: readonly CapacitySpan[]): Promise<number> {
    await this.recall(spans);
    const due = spans.flatMap((span) => dueParts(span, this.after(span)).map((part) => ({ span, part })));
    let rows = 0;
    for (let start = 0; start < due.length; start += BATCH) rows += await this.bookBatch(due.slice(start, start + BATCH));
    return rows;
  }

  isBooked(span: CapacitySpan): boolean {
    return isComplete(span, this.after(span));
  }

  /** Learns how far others, or this process before it was ended, have come. Only of what has anything to book. */
  private async recall(spans: readonly CapacitySpan[]): Promise<void> {
    const strange = spans.filter((span) => this.booked.get(spanKey(span)) === undefined && dueParts(span, undefined).length > 0);
    for (let start = 0; start < strange.length; start += BATCH) {
      const batch = strange.slice(start, start + BATCH);
      const last = await this.ledger.lastWindows(this.context, [...new Set(batch.map(({ podUid }) => podUid))]);
      const found = new Map(last.map((one) => [spanKey(one), one.windowAt.getTime()]));
      for (const span of batch) this.booked.set(spanKey(span), found.get(spanKey(span)) ?? NOTHING);
    }
  }

  private async bookBatch(batch: readonly { span: CapacitySpan; part: CapacityPart }[]): Promise<number> {
    const rows = await this.database.transaction(this.context, async () => {
      const booked = await this.ledger.book(this.context, batch);
      await this.spend.booked(this.context, booked.tenantIds);
      return booked.rows;
    });
    for (const { span, part } of batch) this.booked.set(spanKey(span), part.windowAt);
    return rows;
  }

  private after(span: CapacitySpan): number | undefined {
    const last = this.booked.get(spanKey(span));
    return last === NOTHING ? undefined : last;
  }
}
