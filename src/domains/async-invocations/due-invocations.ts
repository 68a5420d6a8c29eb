import { Injectable } from '@nestjs/common';
import type { SystemContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { acceptedTotal } from './async-invocation-metrics.js';
import { QueueBound } from './queue-bound.js';
import { DueInvocationsRepository, type DueInvocation } from './store/due-invocations.repository.js';

/** The way of triggers that come due, many at once and of all tenants. Everything joins the caller's transaction. */
@Injectable()
export class DueInvocations {
  constructor(
    private readonly database: Database,
    private readonly rows: DueInvocationsRepository,
    private readonly bound: QueueBound,
  ) {}

  /** Whether a tenant's queue has room for one more, which it takes: to be asked for each run. @param tenantIds of all that will be asked for. */
  room(context: SystemContext, tenantIds: readonly string[]): Promise<(tenantId: string) => boolean> {
    return this.bound.admitEach(context, tenantIds);
  }

  /**
   * Each due time of a trigger is accepted once, however often it is asked for. The caller has seen that tenant and function are there.
   * @returns the ids of those that were accepted now
   */
  async accept(context: SystemContext, runs: readonly DueInvocation[]): Promise<ReadonlySet<string>> {
    if (runs.length === 0) return new Set();
    const accepted = await this.rows.accept(context, runs);
    this.database.afterCommit(() => acceptedTotal.inc(accepted.size));
    return accepted;
  }

  /** Those of the triggers whose runs have not all ended. */
  async openOf(context: SystemContext, triggerIds: readonly string[]): Promise<ReadonlySet<string>> {
    return triggerIds.length === 0 ? new Set() : this.rows.findOpen(context, triggerIds);
  }

  /** Takes back what waits of these triggers. @returns the due times of each, latest first. */
  async takeBack(context: SystemContext, triggerIds: readonly string[]): Promise<ReadonlyMap<string, readonly Date[]>> {
    return triggerIds.length === 0 ? new Map() : this.rows.removeQueued(context, triggerIds);
  }
}
