import { FUNCTION_PLURAL } from '../../../contract/function-resource.js';
import { WARM_POOL_PLURAL } from '../../../contract/pool-resource.js';
import { GATEWAY_ACCOUNT, gatewayProxyRules, gatewayRules, gatewaySystemRules, type AccessRule } from '../../../contract/gateway-rights.js';
import { API_GROUP, LABEL, MANAGED_BY, SYSTEM_NAMESPACE } from '../../../contract/names.js';
import type { KubernetesObject, Namespace } from '../../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../../platform/kubernetes/resource-type.js';
import { OPERATOR_ACCOUNT, OPERATOR_ROLE } from './identities.js';
import type { PlacementObject } from './placement-objects.js';

export interface ClusterRole extends KubernetesObject {
  rules: AccessRule[];
}

const READ = ['get', 'list', 'watch'];
const OWN = [...READ, 'create', 'patch', 'delete'];
const labels = { [LABEL.managedBy]: MANAGED_BY };

/** The platform's own namespace; its label admits the data path's pods to functions. */
function buildSystemNamespace(): Namespace {
  return { metadata: { name: SYSTEM_NAMESPACE, labels: { ...labels, [LABEL.dataPath]: 'true' } } };
}

/**
 * What the operator needs inside a tenant's namespace: Functions, their status, workloads and routes; and what warm pools take: their pods and
 * tokens, and by name, never by list, the environment that a revision names.
 */
function buildOperatorRole(): ClusterRole {
  return {
    metadata: { name: OPERATOR_ROLE, labels },
    rules: [
      { apiGroups: [API_GROUP], resources: [FUNCTION_PLURAL], verbs: READ },
      { apiGroups: [API_GROUP], resources: [`${FUNCTION_PLURAL}/status`], verbs: ['patch'] },
      // Needed to write owner references that block the owner's deletion.
      { apiGroups: [API_GROUP], resources: [`${FUNCTION_PLURAL}/finalizers`], verbs: ['update'] },
      { apiGroups: ['apps'], resources: ['deployments'], verbs: OWN },
      // Where Argo Rollouts steps releases; promoting, aborting and resuming it are fields of its status.
      { apiGroups: ['argoproj.io'], resources: ['rollouts'], verbs: OWN },
      { apiGroups: ['argoproj.io'], resources: ['rollouts/status'], verbs: ['patch'] },
      { apiGroups: [''], resources: ['services'], verbs: OWN },
      { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: OWN },
      { apiGroups: ['gateway.networking.k8s.io'], resources: ['httproutes'], verbs: OWN },
      { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: OWN },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: OWN },
      { apiGroups: [''], resources: ['pods'], verbs: OWN },
      { apiGroups: [''], resources: ['pods/resize'], verbs: ['patch'] },
      { apiGroups: [API_GROUP], resources: [WARM_POOL_PLURAL], verbs: READ },
      { apiGroups: [API_GROUP], resources: [`${WARM_POOL_PLURAL}/status`], verbs: ['patch'] },
      { apiGroups: [API_GROUP], resources: [`${WARM_POOL_PLURAL}/finalizers`], verbs: ['update'] },
      { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'create', 'patch'] },
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] },
      { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
      { apiGroups: [''], resources: ['events'], verbs: ['list', 'create'] },
    ],
  };
}

/**
 * The identity of gateways and its rights. Reaching pods through the API server is a role of its own that is bound to nobody: where the pod network is out of reach of a
 * gateway, whoever runs the cluster binds it.
 */
function buildGatewayIdentity(): PlacementObject[] {
  const metadata = { name: GATEWAY_ACCOUNT, labels };
  const own = { ...metadata, namespace: SYSTEM_NAMESPACE };
  const subjects = [{ kind: 'ServiceAccount', name: GATEWAY_ACCOUNT, namespace: SYSTEM_NAMESPACE }];
  const roleRef = (kind: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name: GATEWAY_ACCOUNT });
  const objects: [ResourceType, KubernetesObject & Record<string, unknown>][] = [
    [RESOURCE.serviceAccount, { metadata: own }],
    [RESOURCE.clusterRole, { metadata, rules: gatewayRules() }],
    [RESOURCE.clusterRoleBinding, { metadata, roleRef: roleRef('ClusterRole'), subjects }],
    [RESOURCE.role, { metadata: own, rules: gatewaySystemRules() }],
    [RESOURCE.roleBinding, { metadata: own, roleRef: roleRef('Role'), subjects }],
    [RESOURCE.clusterRole, { metadata: { ...metadata, name: `${GATEWAY_ACCOUNT}-proxy` }, rules: gatewayProxyRules() }],
  ];
  return objects.map(([type, manifest]) => ({ type, manifest }));
}

/** What a cluster needs once, beside the `Function` definition: the system namespace first, the others in any order. */
export function buildSystem(): [namespace: PlacementObject, ...others: PlacementObject[]] {
  return [
    { type: RESOURCE.namespace, manifest: buildSystemNamespace() },
    { type: RESOURCE.serviceAccount, manifest: { metadata: { name: OPERATOR_ACCOUNT, namespace: SYSTEM_NAMESPACE, labels } } },
    { type: RESOURCE.clusterRole, manifest: buildOperatorRole() },
    ...buildGatewayIdentity(),
  ];
}
