import { STANDING, WANTED, type PlacementPurpose, type PlacementState } from './placement-states.js';

/** A placement as a move sees it. */
export interface MovingPlacement {
  clusterId: string;
  state: PlacementState;
  /** Its cluster answers. */
  reachable: boolean;
  /** Its walls stand and everything of the tenant that served elsewhere is ready on it. Only asked of `pending` ones. */
  ready: boolean;
}

/** A place of a tenant, or of one of its functions, that comes or changes. `wantedBy` is told where a tenant's place is there for somebody else than before. */
export type MoveStep =
  | { kind: 'add'; clusterId: string; state: 'pending' | 'active'; wantedBy?: PlacementPurpose }
  | { kind: 'move'; clusterId: string; from: PlacementState; to: PlacementState; wantedBy?: PlacementPurpose };

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

/** A tenant's placement: of those it asks for as a whole, or only there for functions with places of their own. */
export interface TenantPlacement extends MovingPlacement {
  wantedBy: PlacementPurpose;
}

/**
 * The steps of a tenant: those of {@link planMove} for what it asks for as a whole, and places for its functions beside them. Where a function has a place of its own
 * the tenant is at once and stays until the last such function has left: functions see to it themselves that they are ready elsewhere first. Pure.
 *
 * @param chosen for the tenant as a whole
 * @param held clusters on which functions have places of their own
 */
export function planTenantMove(present: readonly TenantPlacement[], chosen: readonly string[], wanted: number, held: readonly string[]): MoveStep[] {
  const [own, others] = [present.filter(({ wantedBy }) => wantedBy === 'tenant'), present.filter(({ wantedBy }) => wantedBy === 'functions')];
  const serving = own.some(({ state }) => state === 'active' || state === 'leaving');
  const adopted = others.filter(({ clusterId, state }) => state === 'active' && chosen.includes(clusterId));
  const known = new Set(present.map(({ clusterId }) => clusterId));
  const steps = planMove(own, chosen.filter((id) => !adopted.some(({ clusterId }) => clusterId === id)), wanted).map((step): MoveStep => {
    if (step.kind === 'add') return { ...step, wantedBy: 'tenant' };
    return GOING.has(step.to) && STANDING.has(step.from) && held.includes(step.clusterId) ? { ...step, to: 'active', wantedBy: 'functions' } : step;
  });
  for (const { clusterId } of adopted) steps.push({ kind: 'move', clusterId, from: 'active', to: serving ? 'pending' : 'active', wantedBy: 'tenant' });
  for (const clusterId of held) if (!known.has(clusterId) && !chosen.includes(clusterId)) steps.push({ kind: 'add', clusterId, state: 'active', wantedBy: 'functions' });
  for (const { clusterId, state, reachable } of others.filter((place) => !adopted.includes(place))) {
    const to = otherNext(state, reachable, held.includes(clusterId));
    if (to !== undefined && to !== state) steps.push({ kind: 'move', clusterId, from: state, to });
  }
  return steps;
}

const GOING: ReadonlySet<PlacementState> = new Set<PlacementState>(['deleting', 'orphaned']);

function otherNext(state: PlacementState, reachable: boolean, held: boolean): PlacementState | undefined {
  if (STANDING.has(state)) return held ? undefined : reachable ? 'deleting' : 'orphaned';
  return reachable ? 'deleting' : 'orphaned';
}

/** Whether a tenant is where it is asked to be and nothing is left elsewhere. */
export function isSettled(present: readonly Pick<MovingPlacement, 'state'>[], missing: number): boolean {
  return missing === 0 && present.every(({ state }) => WANTED.has(state) && state === 'active');
}
