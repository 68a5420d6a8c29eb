import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import type { PlacedFunction, PlacementChoice } from './placement-choice.policy.js';
import type { PlacedTenant } from './placements.service.js';
import type { PlacedWorkloads } from './placement-states.js';

/** A domain further right that puts something of the tenant on each of its clusters. */
export interface PlacementGuest {
  /**
   * How much of the tenant's stands on the cluster; asks for what does not. Only what serves somewhere counts: what is broken everywhere keeps no tenant from moving.
   * Called again and again while a tenant moves: level-triggered.
   */
  inspect(context: TenantContext, place: PlacedTenant): Promise<PlacedWorkloads>;
  /** In the transaction that changed the set of the tenant's places, or what they count for: ask for what must follow. */
  moved(context: TenantContext): Promise<void>;
  /**
   * Clusters on which it has, or will have, things with places of their own; asks for another look at those for which others are chosen by now.
   * Called again and again, like {@link inspect}.
   */
  held(context: TenantContext, choose: (fn: PlacedFunction) => PlacementChoice): Promise<string[]>;
}

/** Turned round, so that `clusters` knows none of them: each registers itself when its module starts. */
@Injectable()
export class PlacementGuests {
  private readonly list: PlacementGuest[] = [];

  register(guest: PlacementGuest): void {
    this.list.push(guest);
  }

  async moved(context: TenantContext): Promise<void> {
    for (const guest of this.list) await guest.moved(context);
  }

  async held(context: TenantContext, choose: (fn: PlacedFunction) => PlacementChoice): Promise<string[]> {
    const all = new Set<string>();
    for (const guest of this.list) for (const clusterId of await guest.held(context, choose)) all.add(clusterId);
    return [...all];
  }

  async inspect(context: TenantContext, place: PlacedTenant): Promise<PlacedWorkloads> {
    const all: PlacedWorkloads = { total: 0, ready: 0, waiting: [] };
    for (const guest of this.list) {
      const { total, ready, waiting } = await guest.inspect(context, place);
      all.total += total;
      all.ready += ready;
      all.waiting.push(...waiting);
    }
    return all;
  }
}
