import { WARM_POOL_PLURAL } from '../../contract/pool-resource.js';
import { API_GROUP, LABEL, MANAGED_BY } from '../../contract/names.js';
import type { KubernetesObject } from '../../platform/kubernetes/kubernetes-object.js';
import { API_SERVICES, buildMetricsReaderRbac } from '../metrics-api/manifests/registration.js';

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
  resourceNames?: string[];
}

/** Scaling by load: autoscalers, counters of pods out of direct reach, and the API of metrics that autoscalers read. */
function scalingRules(): Rule[] {
  return [
    { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
    { apiGroups: [''], resources: ['pods/proxy'], verbs: ['get'] },
    { apiGroups: ['apiregistration.k8s.io'], resources: ['apiservices'], verbs: ['get', 'create', 'patch', 'delete'], resourceNames: [...API_SERVICES] },
    { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
  ];
}

/** The cluster's way in: what is written for it is written in tenants' namespaces alone. */
function routeRules(verbs: string[]): Rule[] {
  return [
    { apiGroups: ['gateway.networking.k8s.io'], resources: ['httproutes', 'gateways'], verbs },
    { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs },
  ];
}

/** What warm pools need beside: pods of their own, resized in place. */
function warmPoolRules(): Rule[] {
  return [
    { apiGroups: [API_GROUP], resources: [WARM_POOL_PLURAL], verbs: ['get', 'list', 'watch'] },
    { apiGroups: [API_GROUP], resources: [`${WARM_POOL_PLURAL}/status`], verbs: ['patch'] },
    { apiGroups: [API_GROUP], resources: [`${WARM_POOL_PLURAL}/finalizers`], verbs: ['update'] },
    { apiGroups: [''], resources: ['pods'], verbs: ['create', 'patch', 'delete'] },
    { apiGroups: [''], resources: ['pods/resize'], verbs: ['patch'] },
  ];
}

/** What images nodes have, to bring others to them. */
function prePullRules(): Rule[] {
  return [{ apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] }];
}

/**
 * In tenants' namespaces alone: routes; and for warm starts the tokens pods are specialized with, and the environment that a function's revision
 * names. Read by name: what is not named cannot be listed. Who makes the namespaces binds it there.
 */
export function environmentRules(): Rule[] {
  return [
    { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'create', 'patch'] },
    { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] },
    ...routeRules(['create', 'patch', 'delete']),
  ];
}

/** What the operator may do on the whole of a cluster: no Secret, no ConfigMap, nothing of RBAC. */
export function operatorRules(): Rule[] {
  const own = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
  return [
    { apiGroups: [API_GROUP], resources: ['functions'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: [API_GROUP], resources: ['functions/status'], verbs: ['patch'] },
    // Needed to write owner references that block the owner's deletion.
    { apiGroups: [API_GROUP], resources: ['functions/finalizers'], verbs: ['update'] },
    { apiGroups: ['apps'], resources: ['deployments'], verbs: own },
    // Where Argo Rollouts steps releases; promoting, aborting and resuming it are fields of its status.
    { apiGroups: ['argoproj.io'], resources: ['rollouts'], verbs: own },
    { apiGroups: ['argoproj.io'], resources: ['rollouts/status'], verbs: ['patch'] },
    { apiGroups: [''], resources: ['services'], verbs: own },
    { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: own },
    // Patch: a pod's greatest age, which templates refuse. Delete: those that reached it.
    { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch', 'patch', 'delete'] },
    // The figures of a rollout, where the pod network is out of the operator's reach.
    { apiGroups: [''], resources: ['pods/proxy'], verbs: ['get'] },
    { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
    { apiGroups: [''], resources: ['events'], verbs: ['list', 'create'] },
    { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['get', 'create', 'patch'] },
    { apiGroups: [''], resources: ['namespaces'], verbs: ['get', 'create', 'patch'] },
    ...routeRules(['get', 'list', 'watch']),
    ...scalingRules(),
    ...warmPoolRules(),
    ...prePullRules(),
  ];
}

/** ServiceAccount, roles and their bindings for an operator that runs in `namespace`, and the autoscaler's right to read its metrics. */
export function buildOperatorRbac(namespace: string, name = 'fnplane-operator'): (KubernetesObject & Record<string, unknown>)[] {
  const labels = { [LABEL.managedBy]: MANAGED_BY, [LABEL.component]: 'operator' };
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  const rbac = 'rbac.authorization.k8s.io';
  const apiVersion = `${rbac}/v1`;
  const own = [
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'create', 'patch'] },
  ];
  // Kubernetes' own role: how an API server proves itself to the APIs behind it.
  const proxyReader = { apiGroup: rbac, kind: 'Role', name: 'extension-apiserver-authentication-reader' };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace, labels } },
    { apiVersion, kind: 'ClusterRole', metadata: { name, labels }, rules: operatorRules() },
    { apiVersion, kind: 'ClusterRoleBinding', metadata: { name, labels }, roleRef: { apiGroup: rbac, kind: 'ClusterRole', name }, subjects },
    { apiVersion, kind: 'Role', metadata: { name, namespace, labels }, rules: own },
    { apiVersion, kind: 'RoleBinding', metadata: { name, namespace, labels }, roleRef: { apiGroup: rbac, kind: 'Role', name }, subjects },
    { apiVersion, kind: 'RoleBinding', metadata: { name, namespace: 'kube-system', labels }, roleRef: proxyReader, subjects },
    ...buildMetricsReaderRbac(`${name}-metrics-reader`).map(({ manifest }) => ({ apiVersion, ...manifest })),
  ];
}
