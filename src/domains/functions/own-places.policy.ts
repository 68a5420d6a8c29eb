import type { MoveStep } from '../clusters/placement-move.policy.js';
import { STANDING, type PlacementPurpose, type PlacementState } from '../clusters/placement-states.js';
import type { OwnPlace } from './function-body.js';

/** A placement of the tenant, as far as a function's places depend on it. */
export interface TenantPlace {
  clusterId: string;
  state: PlacementState;
  stateSince: Date;
  wantedBy: PlacementPurpose;
}

/** Where a function is that has been wherever its tenant is: it goes on from there when it gets places of its own. Pure. */
export function placesOfTenant(placed: readonly TenantPlace[]): OwnPlace[] {
  return placed.filter(({ state, wantedBy }) => wantedBy === 'tenant' && STANDING.has(state)).map(({ clusterId, state, stateSince }) => ({ clusterId, state, since: stateSince.toISOString() }));
}

/** Places after the steps of a move. Pure. */
export function movedPlaces(before: readonly OwnPlace[], steps: readonly MoveStep[], now: Date): OwnPlace[] {
  const since = now.toISOString();
  const moved = before.map((place) => {
    const step = steps.find((one) => one.kind === 'move' && one.clusterId === place.clusterId);
    return step?.kind === 'move' ? { clusterId: place.clusterId, state: step.to, since } : place;
  });
  return [...moved, ...steps.flatMap((step) => (step.kind === 'add' ? [{ clusterId: step.clusterId, state: step.state, since }] : []))];
}

/**
 * Places of which something may be left. Where the tenant's own placement is being taken away, or is gone, the function goes with it. Pure.
 * @param emptied clusters on which nothing of the function was found any more
 */
export function remainingPlaces(places: readonly OwnPlace[], placed: readonly TenantPlace[], emptied: ReadonlySet<string>): OwnPlace[] {
  const standing = new Set(placed.filter(({ state }) => STANDING.has(state)).map(({ clusterId }) => clusterId));
  return places.filter(({ clusterId, state }) => STANDING.has(state) || (standing.has(clusterId) && !(state === 'deleting' && emptied.has(clusterId))));
}
