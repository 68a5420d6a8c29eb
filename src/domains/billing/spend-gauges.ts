import { Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { BoundedCache } from '../../platform/caching/bounded-cache.js';
import { systemContext } from '../../platform/context/context.js';
import { registry } from '../../platform/observability/metrics.js';
import { PeriodicReading } from '../../platform/observability/periodic-reading.js';
import { SpendingRepository } from './store/spending.repository.js';

/** Tenants that have a series: of those at their limit, and of those below it. */
const MOST = 500;
/** Spending below a limit is looked at while something is used; what was seen longer ago is not shown. */
const SHOWN_MS = 15 * 60_000;

const ratio = new Gauge({
  name: 'fnplane_tenant_spend_ratio', help: 'Share of its monthly limit that a tenant has spent: of tenants at their limit, and of those this worker looked at in the last 15 minutes; 500 of each at most',
  labelNames: ['tenant'] as const, registers: [registry],
});

/** Shows what tenants with a spend limit have spent of it. */
@Injectable()
export class SpendGauges {
  private readonly context = systemContext('spend-gauges');
  private readonly below = new BoundedCache<string, number>(MOST, SHOWN_MS);
  private readonly reading: PeriodicReading;

  constructor(private readonly spending: SpendingRepository) {
    this.reading = new PeriodicReading(() => this.read(), () => ratio.reset());
  }

  start(): void {
    this.reading.start();
  }

  stop(): Promise<void> {
    return this.reading.stop();
  }

  /** Amounts are decimal text. */
  note(tenant: string, spent: string, limit: string): void {
    this.below.set(tenant, Number(spent) / Number(limit));
  }

  /** It is at its limit, which Postgres tells all workers, or has none. */
  forget(tenant: string): void {
    this.below.delete(tenant);
  }

  private async read(): Promise<void> {
    const reached = await this.spending.reached(this.context, MOST);
    ratio.reset();
    for (const [tenant, share] of this.below.live()) ratio.set({ tenant }, share);
    for (const { tenant, ratio: share } of reached) ratio.set({ tenant }, share);
  }
}
