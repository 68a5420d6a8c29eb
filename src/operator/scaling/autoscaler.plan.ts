import type { FunctionResource } from '../../contract/function-resource.js';
import { LABEL } from '../../contract/names.js';
import { needsApply } from '../../platform/kubernetes/drift.js';
import type { HorizontalPodAutoscaler, KubernetesObject } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import { autoscalerName, buildAutoscaler, type AutoscalerInput } from './manifests/autoscaler.js';

/** Autoscalers to write and to remove; in the shapes of the function's plan. */
export interface AutoscalerPlan {
  applies: { type: ResourceType; manifest: KubernetesObject; observed: KubernetesObject | undefined }[];
  /** The UID proves that it is the object that was meant. */
  removals: { type: ResourceType; namespace: string; name: string; uid: string }[];
}

/**
 * Desired minus observed. Pure.
 * @param wanted one a revision that scales by load; the others have none
 * @param observed of this function, and strangers under its revisions' names
 */
export function planAutoscalers(fn: FunctionResource, wanted: readonly AutoscalerInput[], observed: readonly HorizontalPodAutoscaler[] = []): AutoscalerPlan {
  const type = RESOURCE.horizontalPodAutoscaler;
  const names = new Map(wanted.map((input) => [autoscalerName(fn, input), input]));
  const isMine = (found: HorizontalPodAutoscaler): boolean => found.metadata.labels?.[LABEL.functionId] === fn.spec.functionId;
  const applies: AutoscalerPlan['applies'] = [];
  for (const [name, input] of names) {
    const found = observed.find((candidate) => candidate.metadata.name === name);
    // On its way out, or an earlier function's: its deletion brings us here again.
    if (found && (found.metadata.deletionTimestamp !== undefined || !isMine(found))) continue;
    const manifest = buildAutoscaler(fn, input);
    if (needsApply(manifest, found)) applies.push({ type, manifest, observed: found });
  }
  const leftover = observed.filter((found) => found.metadata.deletionTimestamp === undefined && (!isMine(found) || !names.has(found.metadata.name)));
  return {
    applies,
    removals: leftover.map(({ metadata: { name, namespace = '', uid = '' } }) => ({ type, namespace, name, uid })),
  };
}
