import { contentHash } from '../../../platform/kubernetes/drift.js';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import type { ResourceType } from '../../../platform/kubernetes/resource-type.js';
import type { PlacementObject } from '../manifests/placement-objects.js';
import type { AppliedObjects } from '../store/placement.entity.js';

/** What a placement's row knows of its objects. */
export interface RecordedPlacement {
  namespaceUid: string | null;
  applied: AppliedObjects;
  verifiedAt: Date | null;
  generation: number;
  observedGeneration: number;
}

export interface PlacementPlan {
  /** Everything is applied: nothing is known, or the time has come to put right what nobody noticed. */
  full: boolean;
  namespace: PlacementObject | undefined;
  others: PlacementObject[];
}

/** Somewhat below the tenants' own resync, so that every one of those verifies. */
export const VERIFY_EVERY_MS = 9 * 60_000;

/** `networkpolicies/fnplane.default-deny`: what an object is called in a placement's row. */
export function placementKey(type: ResourceType, object: KubernetesObject): string {
  return `${type.plural}/${object.metadata.name}`;
}

export function inputHash(object: PlacementObject): string {
  return contentHash(object.manifest);
}

/** The objects that must be applied: those made from other input than before, and all of them from time to time. Pure. */
export function planPlacement(desired: readonly [PlacementObject, ...PlacementObject[]], recorded: RecordedPlacement, now: number): PlacementPlan {
  const full = recorded.namespaceUid === null || recorded.observedGeneration < recorded.generation
    || recorded.verifiedAt === null || now - recorded.verifiedAt.getTime() >= VERIFY_EVERY_MS;
  const due = (object: PlacementObject): boolean => full || recorded.applied[placementKey(object.type, object.manifest)]?.input !== inputHash(object);
  const [namespace, ...others] = desired;
  return { full, namespace: due(namespace) ? namespace : undefined, others: others.filter(due) };
}

export function isEmpty(plan: PlacementPlan): boolean {
  return !plan.namespace && plan.others.length === 0;
}

/**
 * Keys of the recorded objects that are missing on the cluster or say something else than they did when they were applied.
 * `observed` holds the fingerprints of what is there now.
 */
export function driftedKeys(applied: AppliedObjects, observed: ReadonlyMap<string, string>): string[] {
  return Object.entries(applied).filter(([key, { observed: expected }]) => observed.get(key) !== expected).map(([key]) => key).sort();
}
