import type { Condition, FunctionResource } from '../../../contract/function-resource.js';
import { findCondition } from '../../../platform/kubernetes/conditions.js';
import type { PlacedTenant } from '../../clusters/placements.service.js';

/** A function on one of its tenant's clusters; undefined where it is not there. */
export interface PlacedResource {
  clusterName: string;
  resource: FunctionResource | undefined;
}

const RANK: Record<Condition['status'], number> = { False: 0, Unknown: 1, True: 2 };

/** The placements a function's state is told from: those that were verified; while there is none, those that serve until there is; while there is none either, all. Pure. */
export function basisOf(places: readonly PlacedTenant[]): PlacedTenant[] {
  for (const state of ['active', 'leaving', 'pending'] as const) {
    const found = places.filter((place) => place.state === state);
    if (found.length > 0) return found;
  }
  return [];
}

/**
 * One state for a function on several clusters: ready where it is ready on all of them, serving where it serves on any, with the pods of all. What else there is to
 * say comes from the cluster that is furthest behind.
 * @param heard the one that was heard of, for where nothing else is known.
 */
export function mergePlaced(heard: FunctionResource, placed: readonly PlacedResource[]): FunctionResource {
  const there = placed.flatMap(({ resource }) => (resource ? [resource] : []));
  const [last] = [...there].sort((a, b) => progressOf(a) - progressOf(b) || readiness(a) - readiness(b));
  if (!last) return heard;
  const absent = placed.find(({ resource }) => resource === undefined);
  if (there.length === 1 && !absent) return last;
  const serving = there.map(({ status }) => findCondition(status?.conditions, 'Serving')).filter((condition) => condition !== undefined).sort((a, b) => RANK[b.status] - RANK[a.status])[0];
  const conditions = (last.status?.conditions ?? []).map((condition) => {
    if (condition.type === 'Serving' && serving) return serving;
    return condition.type === 'Ready' && absent ? { ...condition, status: 'False' as const, reason: 'Placing' as const, message: `It is not on cluster ${absent.clusterName} yet.` } : condition;
  });
  const sum = (count: 'replicas' | 'readyReplicas'): number => there.reduce((total, { status }) => total + (status?.[count] ?? 0), 0);
  return last.status ? { ...last, status: { ...last.status, conditions, replicas: sum('replicas'), readyReplicas: sum('readyReplicas') } } : last;
}

function progressOf({ status }: FunctionResource): number {
  return status?.observedPlatformGeneration ?? -1;
}

function readiness({ status }: FunctionResource): number {
  const ready = findCondition(status?.conditions, 'Ready');
  return ready ? RANK[ready.status] : -1;
}
