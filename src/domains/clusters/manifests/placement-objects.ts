import { LABEL, MANAGED_BY, tenantNamespace } from '../../../contract/names.js';
import type { AccessList } from '../../../contract/access-list.js';
import type { KubernetesObject, ObjectMetadata } from '../../../platform/kubernetes/kubernetes-object.js';
import type { ResourceType } from '../../../platform/kubernetes/resource-type.js';
import type { AddressRange } from '../../../platform/network/address-range.policy.js';
import type { QuotaLimit } from '../../tenants/quota-admission.js';

/** All that a tenant's objects on a cluster are made from. */
export interface PlacementInput {
  tenantId: string;
  limits: Readonly<Record<QuotaLimit, number>>;
  accessList: AccessList;
  blockedEgress: readonly AddressRange[];
}

/** One object of a placement. */
export interface PlacementObject {
  type: ResourceType;
  manifest: KubernetesObject;
}

/** Value of {@link LABEL.component} on everything placement makes in a tenant's namespace, and on the namespace. */
export const PLACEMENT_COMPONENT = 'placement';
/** Value of {@link LABEL.component} on access lists; the gateway watches it. */
export const ACCESS_LIST_COMPONENT = 'access-list';

export function placementLabels(tenantId: string, component: string = PLACEMENT_COMPONENT): Record<string, string> {
  return { [LABEL.managedBy]: MANAGED_BY, [LABEL.component]: component, [LABEL.tenant]: tenantId };
}

/** Metadata of an object inside the tenant's namespace. */
export function tenantMetadata(tenantId: string, name: string): ObjectMetadata {
  return { name, namespace: tenantNamespace(tenantId), labels: placementLabels(tenantId) };
}
