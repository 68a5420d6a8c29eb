import { WANTED, type PlacementState } from './placement-states.js';

/** A placement as a move sees it. */
export interface MovingPlacement {
  clusterId: string;
  state: PlacementState;
  /** Its cluster answers. */
  reachable: boolean;
  /** Its walls stand and everything of the tenant that served elsewhere is ready on it. Only asked of `pending` ones. */
  ready: boolean;
}

export type MoveStep =
  | { kind: 'add'; clusterId: string; state: 'pending' | 'active' }
  | { kind: 'move'; clusterId: string; from: PlacementState; to: PlacementState };

/**
 * The next steps from the placements there are to those that are chosen: what takes over is made and ready before what it replaces goes; without anything chosen
 * nothing goes at all. Each step leads to a state from which the next run goes on, whoever makes it. Pure.
 *
 * @param wanted how many placements are asked for; while fewer can be had, those that leave stay.
 */
export function planMove(present: readonly MovingPlacement[], chosen: readonly string[], wanted: number): MoveStep[] {
  const steps: MoveStep[] = present.filter(({ state, reachable }) => state === 'orphaned' && reachable).map(({ clusterId }) => ({ kind: 'move', clusterId, from: 'orphaned', to: 'deleting' }));
  if (chosen.length === 0) return steps;
  const serving = present.some(({ state }) => state === 'active' || state === 'leaving');
  const known = new Set(present.map(({ clusterId }) => clusterId));
  for (const clusterId of chosen) if (!known.has(clusterId)) steps.push({ kind: 'add', clusterId, state: serving ? 'pending' : 'active' });
  const replaced = present.filter(({ clusterId, state, reachable }) => chosen.includes(clusterId) && state === 'active' && reachable).length >= wanted;
  for (const placement of present) {
    const to = next(placement, chosen.includes(placement.clusterId), { serving, replaced });
    if (to !== undefined && to !== placement.state) steps.push({ kind: 'move', clusterId: placement.clusterId, from: placement.state, to });
  }
  return steps;
}

function next({ state, reachable, ready }: MovingPlacement, chosen: boolean, { serving, replaced }: { serving: boolean; replaced: boolean }): PlacementState | undefined {
  if (chosen) return state === 'leaving' || (state === 'pending' && (ready || !serving)) ? 'active' : undefined;
  // Nobody was ever served from it.
  if (state === 'pending') return reachable ? 'deleting' : 'orphaned';
  if (state === 'active') return 'leaving';
  if (state === 'leaving' && replaced) return reachable ? 'deleting' : 'orphaned';
  return state === 'deleting' && !reachable ? 'orphaned' : undefined;
}

/** Whether a tenant is where it is asked to be and nothing is left elsewhere. */
export function isSettled(present: readonly Pick<MovingPlacement, 'state'>[], missing: number): boolean {
  return missing === 0 && present.every(({ state }) => WANTED.has(state) && state === 'active');
}
