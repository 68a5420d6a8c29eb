import type { FunctionResource } from '../../../contract/function-resource.js';
import { LABEL } from '../../../contract/names.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { isConflict, isNotFound } from '../../../platform/kubernetes/kubernetes-errors.js';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../../platform/kubernetes/resource-type.js';

/** Everything a function's name or pods may have left in its tenant's namespace, owners before what they own. */
const TRACES = [RESOURCE.rollout, RESOURCE.deployment, RESOURCE.replicaSet, RESOURCE.pod, RESOURCE.service, RESOURCE.networkPolicy, RESOURCE.httpRoute, RESOURCE.ingress, RESOURCE.configMap, RESOURCE.secret] as const;

/** Takes a function off one cluster. To be called until it answers 0: then nothing of it is left. Never waits. @returns how many objects are still there */
export async function removeTraces(client: KubernetesClient, namespace: string, fn: { id: string; name: string }): Promise<number> {
  const resource = await client.find<FunctionResource>(RESOURCE.function, { namespace, name: fn.name });
  if (resource?.spec.functionId === fn.id) {
    // Not in the foreground: that waits for a garbage collector, which takes up to 30 s to hear of a new resource type. What is left is deleted by label.
    if (resource.metadata.deletionTimestamp === undefined) await ignoreConflict(client.delete(RESOURCE.function, { namespace, name: fn.name }, { uid: resource.metadata.uid, propagationPolicy: 'Background' }));
    return 1;
  }
  const labelSelector = `${LABEL.functionId}=${fn.id}`;
  const counts = await Promise.all(TRACES.map(async (type) => {
    const items = await listed(client, type, { namespace, labelSelector });
    for (const { metadata } of items) {
      if (metadata.deletionTimestamp === undefined) await ignoreConflict(client.delete(type, { namespace, name: metadata.name }, { uid: metadata.uid }));
    }
    return items.length;
  }));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** None of a type that the cluster does not know. */
async function listed(client: KubernetesClient, type: ResourceType, options: { namespace: string; labelSelector: string }): Promise<KubernetesObject[]> {
  try {
    return (await client.list<KubernetesObject>(type, options)).items;
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

/** The object changed or was replaced meanwhile: the next run looks again. */
async function ignoreConflict(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!isConflict(error)) throw error;
  });
}
