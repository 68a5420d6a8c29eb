import { API_GROUP, API_VERSION } from '../../contract/names.js';
import { FUNCTION_PLURAL } from '../../contract/function-resource.js';
import { WARM_POOL_PLURAL } from '../../contract/pool-resource.js';

/** How one kind of object is addressed. `plural` is its name in URLs. */
export interface ResourceType {
  /** Empty for the core group. */
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
}

function namespaced(group: string, version: string, plural: string, kind: string): ResourceType {
  return { group, version, plural, kind, namespaced: true };
}

function clusterWide(group: string, version: string, plural: string, kind: string): ResourceType {
  return { group, version, plural, kind, namespaced: false };
}

const RBAC = 'rbac.authorization.k8s.io';

/** Every type the platform touches. */
export const RESOURCE = {
  namespace: clusterWide('', 'v1', 'namespaces', 'Namespace'),
  node: clusterWide('', 'v1', 'nodes', 'Node'),
  pod: namespaced('', 'v1', 'pods', 'Pod'),
  service: namespaced('', 'v1', 'services', 'Service'),
  endpointSlice: namespaced('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice'),
  configMap: namespaced('', 'v1', 'configmaps', 'ConfigMap'),
  secret: namespaced('', 'v1', 'secrets', 'Secret'),
  serviceAccount: namespaced('', 'v1', 'serviceaccounts', 'ServiceAccount'),
  resourceQuota: namespaced('', 'v1', 'resourcequotas', 'ResourceQuota'),
  limitRange: namespaced('', 'v1', 'limitranges', 'LimitRange'),
  event: namespaced('', 'v1', 'events', 'Event'),
  deployment: namespaced('apps', 'v1', 'deployments', 'Deployment'),
  replicaSet: namespaced('apps', 'v1', 'replicasets', 'ReplicaSet'),
  horizontalPodAutoscaler: namespaced('autoscaling', 'v2', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler'),
  ingress: namespaced('networking.k8s.io', 'v1', 'ingresses', 'Ingress'),
  gateway: namespaced('gateway.networking.k8s.io', 'v1', 'gateways', 'Gateway'),
  httpRoute: namespaced('gateway.networking.k8s.io', 'v1', 'httproutes', 'HTTPRoute'),
  networkPolicy: namespaced('networking.k8s.io', 'v1', 'networkpolicies', 'NetworkPolicy'),
  role: namespaced(RBAC, 'v1', 'roles', 'Role'),
  roleBinding: namespaced(RBAC, 'v1', 'rolebindings', 'RoleBinding'),
  clusterRole: clusterWide(RBAC, 'v1', 'clusterroles', 'ClusterRole'),
  clusterRoleBinding: clusterWide(RBAC, 'v1', 'clusterrolebindings', 'ClusterRoleBinding'),
  lease: namespaced('coordination.k8s.io', 'v1', 'leases', 'Lease'),
  customResourceDefinition: clusterWide('apiextensions.k8s.io', 'v1', 'customresourcedefinitions', 'CustomResourceDefinition'),
  apiService: clusterWide('apiregistration.k8s.io', 'v1', 'apiservices', 'APIService'),
  rollout: namespaced('argoproj.io', 'v1alpha1', 'rollouts', 'Rollout'),
  function: namespaced(API_GROUP, API_VERSION, FUNCTION_PLURAL, 'Function'),
  warmPool: namespaced(API_GROUP, API_VERSION, WARM_POOL_PLURAL, 'WarmPool'),
} as const satisfies Record<string, ResourceType>;

export function apiVersionOf(type: ResourceType): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

/**
 * Path of a collection or an object. Without `namespace` a namespaced type's collection spans all namespaces.
 * Every part is escaped: a name with `/`, `..` or `?` cannot leave its place.
 */
export function resourcePath(type: ResourceType, target: { namespace?: string; name?: string; subresource?: string }): string {
  if (target.name !== undefined && type.namespaced && !target.namespace) throw new TypeError(`${type.kind} ${target.name} needs a namespace`);
  const parts = type.group === '' ? ['api', type.version] : ['apis', type.group, type.version];
  if (type.namespaced && target.namespace) parts.push('namespaces', target.namespace);
  parts.push(type.plural);
  if (target.name !== undefined) parts.push(target.name);
  const path = parts.map(escapeSegment).join('/');
  return `/${path}${target.subresource ? `/${target.subresource.split('/').map(escapeSegment).join('/')}` : ''}`;
}

function escapeSegment(segment: string): string {
  if (segment === '' || segment === '.' || segment === '..') throw new TypeError('empty or relative path segment');
  // `service:port` of the proxy stays readable; a colon is harmless inside a path.
  return encodeURIComponent(segment).replaceAll('%3A', ':');
}
