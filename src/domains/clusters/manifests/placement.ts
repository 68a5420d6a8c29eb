import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';
import { buildAccessList } from './access-list.js';
import { buildFunctionAccount, buildOperatorBinding } from './identities.js';
import { buildNamespace } from './namespace.js';
import { buildClusterEgress, buildDefaultDeny, buildInternetEgress } from './network-policies.js';
import type { PlacementInput, PlacementObject } from './placement-objects.js';
import { buildLimitRange, buildResourceQuota } from './resource-bounds.js';

/** Everything a tenant has on a cluster before its first workload: the namespace first, the others in any order. One API call each. */
export function buildPlacement(input: PlacementInput): [namespace: PlacementObject, ...others: PlacementObject[]] {
  const { tenantId, limits, accessList, blockedEgress } = input;
  return [
    { type: RESOURCE.namespace, manifest: buildNamespace(tenantId) },
    { type: RESOURCE.networkPolicy, manifest: buildDefaultDeny(tenantId) },
    { type: RESOURCE.networkPolicy, manifest: buildClusterEgress(tenantId) },
    { type: RESOURCE.networkPolicy, manifest: buildInternetEgress(tenantId, blockedEgress) },
    { type: RESOURCE.resourceQuota, manifest: buildResourceQuota(tenantId, limits) },
    { type: RESOURCE.limitRange, manifest: buildLimitRange(tenantId, limits) },
    { type: RESOURCE.serviceAccount, manifest: buildFunctionAccount(tenantId) },
    { type: RESOURCE.roleBinding, manifest: buildOperatorBinding(tenantId) },
    { type: RESOURCE.secret, manifest: buildAccessList(accessList) },
  ];
}
