import { ACCESS_LIST_KEY, type AccessList } from '../../../contract/access-list.js';
import { accessListName, SYSTEM_NAMESPACE } from '../../../contract/names.js';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import { ACCESS_LIST_COMPONENT, placementLabels } from './placement-objects.js';

export interface AccessListSecret extends KubernetesObject {
  type: string;
  data: Record<string, string>;
}

/** Who may invoke the tenant's functions, for the gateways of the cluster: in the platform's namespace, out of the tenant's reach. */
export function buildAccessList(list: AccessList): AccessListSecret {
  return {
    metadata: { name: accessListName(list.tenantId), namespace: SYSTEM_NAMESPACE, labels: placementLabels(list.tenantId, ACCESS_LIST_COMPONENT) },
    type: 'Opaque',
    data: { [ACCESS_LIST_KEY]: Buffer.from(JSON.stringify(list)).toString('base64') },
  };
}
