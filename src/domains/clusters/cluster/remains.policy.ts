import type { Namespace } from '../../../platform/kubernetes/kubernetes-object.js';

/** What Kubernetes says about a namespace that does not go away, most telling first. */
const TELLING = ['NamespaceFinalizersRemaining', 'NamespaceDeletionContentFailure', 'NamespaceDeletionDiscoveryFailure', 'NamespaceContentRemaining'];
const LONGEST = 600;

/** What a namespace's deletion waits for, in words. */
export function describeRemains(namespace: Namespace): string {
  const conditions = namespace.status?.conditions?.filter((condition) => condition.status === 'True') ?? [];
  const said = TELLING.map((type) => conditions.find((condition) => condition.type === type)?.message).find((message) => message);
  return said ? `The tenant's namespace is being deleted; the cluster says: ${said.slice(0, LONGEST)}` : 'The tenant\'s namespace is being deleted.';
}
