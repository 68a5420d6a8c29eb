import { ANNOTATION, FIELD_MANAGER } from '../../../contract/names.js';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';

interface ManagedFields {
  manager?: string;
  time?: string;
}

/** When the worker last changed one of the objects, epoch ms by the API server's clock; an apply that changes nothing leaves it. */
export function changedAt(objects: readonly KubernetesObject[]): number {
  const writes = objects.flatMap(({ metadata }) => (metadata.managedFields ?? []) as ManagedFields[]);
  return Math.max(0, ...writes.filter(({ manager }) => manager === FIELD_MANAGER.worker).map(({ time }) => Date.parse(time ?? '') || 0));
}

/** Pods that may still hold files from before the last change: those made later began with the new ones. */
export function podsToHurry<Pod extends KubernetesObject>(pods: readonly Pod[], mark: string, changed: number): Pod[] {
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined
    && Date.parse(metadata.creationTimestamp ?? '') <= changed && metadata.annotations?.[ANNOTATION.liveSecrets] !== mark);
}
