import { isTrusted } from './cluster-health.policy.js';
import type { PlacementState } from './placement-states.js';

export interface ServingPlace {
  placement: { state: PlacementState };
  cluster: { message: string | null; gatewayUrl: string | null };
}

/** Places that are verified before those that are being left; a cluster that does not answer last, since its functions may serve all the same. */
const RANK: Partial<Record<PlacementState, number>> = { active: 0, leaving: 1, pending: 4 };
const SILENT = 2;

/** The place from which a tenant's functions are served best; undefined where there is none. Pure. */
export function servingPlace<Place extends ServingPlace>(places: readonly Place[]): Place | undefined {
  const rank = ({ placement, cluster }: Place): number => RANK[placement.state]! + (isTrusted(cluster) ? 0 : SILENT);
  return places.filter(({ placement }) => RANK[placement.state] !== undefined).sort((a, b) => rank(a) - rank(b))[0];
}
