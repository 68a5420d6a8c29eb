import type { FunctionResource } from '../../../contract/function-resource.js';
import { API_GROUP, API_VERSION, LABEL, MANAGED_BY } from '../../../contract/names.js';
import type { ObjectMetadata, OwnerReference } from '../../../platform/kubernetes/kubernetes-object.js';

/** Labels of everything that belongs to a function. */
export function functionLabels(fn: FunctionResource): Record<string, string> {
  return {
    [LABEL.managedBy]: MANAGED_BY,
    [LABEL.tenant]: fn.spec.tenantId,
    [LABEL.function]: fn.metadata.name,
    [LABEL.functionId]: fn.spec.functionId,
  };
}

export function revisionLabels(fn: FunctionResource, revision: number): Record<string, string> {
  return { ...functionLabels(fn), [LABEL.revision]: String(revision) };
}

/** Kubernetes' own garbage collection removes the children with the Function: the operator needs no finalizer. */
export function ownerReference(fn: FunctionResource): OwnerReference {
  return {
    apiVersion: `${API_GROUP}/${API_VERSION}`, kind: 'Function', name: fn.metadata.name, uid: fn.metadata.uid ?? '', controller: true, blockOwnerDeletion: true,
  };
}

export function childMetadata(fn: FunctionResource, name: string, labels: Record<string, string>): ObjectMetadata {
  return { name, namespace: fn.metadata.namespace, labels, ownerReferences: [ownerReference(fn)] };
}
