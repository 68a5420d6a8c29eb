import { Injectable } from '@nestjs/common';
import type { UsageTotals } from '../../contract/runtime.js';
import { BoundedCache } from '../../platform/caching/bounded-cache.js';
import { systemContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { SpendLimits } from '../quotas/spend-limits.js';
import { counterOf, isNews, type Reading } from './reading.js';
import { LedgerRepository } from './store/ledger.repository.js';

const BATCH = 500;
const REMEMBERED_LIVES = 50_000;
const REMEMBERED_MS = 3_600_000;

/** Books readings into the append-only ledger, exactly once each step. */
@Injectable()
export class LedgerService {
  private readonly context = systemContext('meter');
  /** What was booked last, so that an idle function costs no statement. Forgetting is harmless: the cursor in Postgres decides. */
  private readonly booked = new BoundedCache<string, UsageTotals>(REMEMBERED_LIVES, REMEMBERED_MS);

  constructor(
    private readonly database: Database,
    private readonly ledger: LedgerRepository,
    private readonly spend: SpendLimits,
  ) {}

  /** Throws when Postgres is out of reach; nothing is lost then, as readings are totals and the next one includes them. */
  async book(readings: readonly Reading[]): Promise<number> {
    const news = new Map<string, Reading>();
    for (const reading of readings) {
      const key = counterOf(reading);
      const rival = news.get(key);
      if (isNews(reading, rival?.totals ?? this.booked.get(key))) news.set(key, reading);
    }
    const list = [...news];
    let rows = 0;
    for (let start = 0; start < list.length; start += BATCH) {
      const batch = list.slice(start, start + BATCH);
      rows += await this.bookBatch(batch.map(([, reading]) => reading));
      for (const [key, reading] of batch) this.booked.set(key, reading.totals);
    }
    return rows;
  }

  private bookBatch(readings: readonly Reading[]): Promise<number> {
    return this.database.transaction(this.context, async () => {
      const booked = await this.ledger.book(this.context, readings);
      await this.spend.booked(this.context, booked.tenantIds);
      return booked.rows;
    });
  }
}
