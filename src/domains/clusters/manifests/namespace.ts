import { tenantNamespace } from '../../../contract/names.js';
import type { Namespace } from '../../../platform/kubernetes/kubernetes-object.js';
import { placementLabels } from './placement-objects.js';

/** Pinned, so that a cluster's upgrade does not change under running functions what is refused. */
export const POD_SECURITY = { 'pod-security.kubernetes.io/enforce': 'restricted', 'pod-security.kubernetes.io/enforce-version': 'v1.34' } as const;

/** The tenant's namespace. Its tenant label is what same-tenant traffic is recognised by. */
export function buildNamespace(tenantId: string): Namespace {
  return { metadata: { name: tenantNamespace(tenantId), labels: { ...placementLabels(tenantId), ...POD_SECURITY } } };
}
