import { FUNCTION_SERVICE_ACCOUNT, SYSTEM_NAMESPACE } from '../../../contract/names.js';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import { tenantMetadata } from './placement-objects.js';

export interface ServiceAccount extends KubernetesObject {
  automountServiceAccountToken?: boolean;
}

export interface RoleBinding extends KubernetesObject {
  roleRef: { apiGroup: string; kind: 'ClusterRole' | 'Role'; name: string };
  subjects: { kind: 'ServiceAccount'; name: string; namespace: string }[];
}

/** Identity of the operator, in the system namespace; also the name of its binding in each tenant's namespace. */
export const OPERATOR_ACCOUNT = 'fnplane-operator';
/** What the operator may change, given to it namespace by namespace. */
export const OPERATOR_ROLE = 'fnplane-operator-namespaced';
const RBAC = 'rbac.authorization.k8s.io';

/** Of function pods: bound to nothing, its token never mounted. */
export function buildFunctionAccount(tenantId: string): ServiceAccount {
  return { metadata: tenantMetadata(tenantId, FUNCTION_SERVICE_ACCOUNT), automountServiceAccountToken: false };
}

/** The operator can change things in namespaces of tenants and nowhere else. */
export function buildOperatorBinding(tenantId: string): RoleBinding {
  return {
    metadata: tenantMetadata(tenantId, OPERATOR_ACCOUNT),
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: OPERATOR_ROLE },
    subjects: [{ kind: 'ServiceAccount', name: OPERATOR_ACCOUNT, namespace: SYSTEM_NAMESPACE }],
  };
}
