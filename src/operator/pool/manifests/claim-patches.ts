import type { FunctionResource, RevisionSpec } from '../../../contract/function-resource.js';
import { ANNOTATION, API_GROUP, API_VERSION, FUNCTION_CONTAINER, LABEL } from '../../../contract/names.js';
import { CLAIMED_AT, POOL_LABEL } from '../../../contract/pool-resource.js';
import type { Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import { cpuQuantity, mebibyteQuantity } from '../../../platform/kubernetes/quantity.js';
import { buildTemplate } from '../../function/manifests/deployment.js';

/**
 * Takes a pod out of the pool. The version makes exactly one of several that try succeed. From here on it goes with its Function; it
 * gets the function's labels when it serves, so that no Service sends requests to what is no function yet.
 */
export function buildClaimPatch(pod: Pod, fn: FunctionResource, now: number): object {
  const { resourceVersion, uid } = pod.metadata;
  return {
    metadata: {
      resourceVersion,
      uid,
      labels: { [POOL_LABEL]: 'claimed' },
      annotations: { [CLAIMED_AT]: new Date(now).toISOString() },
      ownerReferences: [{ apiVersion: `${API_GROUP}/${API_VERSION}`, kind: 'Function', name: fn.metadata.name, uid: fn.metadata.uid, controller: true, blockOwnerDeletion: true }],
    },
  };
}

/**
 * Puts a specialized pod into the function's Service, marked as of the present template: it counts like the revision's own. Its
 * lifetime counts from now, though the pod is older.
 */
export function buildServingPatch(pod: Pod, fn: FunctionResource, revision: RevisionSpec, now: number): object {
  const lifetime = fn.spec.scaling.maxLifetimeSeconds;
  const startedAt = Date.parse(pod.status?.startTime ?? '') || now;
  return {
    metadata: {
      labels: {
        [POOL_LABEL]: 'serving', [LABEL.component]: null,
        [LABEL.function]: fn.metadata.name, [LABEL.functionId]: fn.spec.functionId, [LABEL.revision]: String(revision.number),
      },
      annotations: { [ANNOTATION.inputHash]: buildTemplate(fn, revision).metadata?.annotations?.[ANNOTATION.inputHash] },
    },
    ...(lifetime === undefined ? {} : { spec: { activeDeadlineSeconds: Math.ceil((now - startedAt) / 1_000) + lifetime } }),
  };
}

/** For `pods/resize`, as a strategic merge: the container is found by its name, and its disk stays as it is. */
export function buildResizePatch({ resources }: RevisionSpec): object {
  const size = { cpu: cpuQuantity(resources.cpuMillis), memory: mebibyteQuantity(resources.memoryMb) };
  return { spec: { containers: [{ name: FUNCTION_CONTAINER, resources: { requests: size, limits: size } }] } };
}
