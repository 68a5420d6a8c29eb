import { LABEL, MANAGED_BY, SYSTEM_NAMESPACE } from '../../../contract/names.js';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../../platform/kubernetes/resource-type.js';
import { EXTERNAL_GROUP, EXTERNAL_VERSION } from '../external-metric.policy.js';
import { METRICS_GROUP, METRICS_VERSIONS } from '../metric-documents.policy.js';

/** Service by which the API server finds whoever serves metrics. */
export const METRICS_SERVICE = 'fnplane-metrics';
/** Name that the API server expects in the server's certificate. */
export const METRICS_HOST = `${METRICS_SERVICE}.${SYSTEM_NAMESPACE}.svc`;
/** As the Service calls it. */
const PORT = 443;

export type Manifest = KubernetesObject & Record<string, unknown>;

export interface RegistrationInput {
  /** Where the API server reaches the server; not loopback. */
  address: string;
  port: number;
  /** PEM of the authority of its certificate. */
  authority: string;
}

const labels = { [LABEL.managedBy]: MANAGED_BY, [LABEL.component]: 'metrics' };

/** Each APIService stands for one version. */
const SERVED = [...METRICS_VERSIONS.map((version) => ({ group: METRICS_GROUP, version })), { group: EXTERNAL_GROUP, version: EXTERNAL_VERSION }];

/** Names of the APIServices. */
export const API_SERVICES: readonly string[] = SERVED.map(({ group, version }) => `${version}.${group}`);

export const EXTERNAL_SERVICE = `${EXTERNAL_VERSION}.${EXTERNAL_GROUP}`;

/** What makes the API server send both groups of metrics here; in the order in which it is to be written. */
export function buildRegistration({ address, port, authority }: RegistrationInput): { type: ResourceType; manifest: Manifest }[] {
  const metadata = { name: METRICS_SERVICE, namespace: SYSTEM_NAMESPACE, labels };
  return [
    // No selector: an operator may run outside of the cluster, and only the leader counts.
    { type: RESOURCE.service, manifest: { metadata, spec: { type: 'ClusterIP', ports: [{ name: 'https', port: PORT, targetPort: port, protocol: 'TCP' }] } } },
    {
      type: RESOURCE.endpointSlice,
      manifest: {
        metadata: { ...metadata, labels: { ...labels, 'kubernetes.io/service-name': METRICS_SERVICE, 'endpointslice.kubernetes.io/managed-by': MANAGED_BY } },
        addressType: address.includes(':') ? 'IPv6' : 'IPv4',
        endpoints: [{ addresses: [address], conditions: { ready: true } }],
        ports: [{ name: 'https', port, protocol: 'TCP' }],
      },
    },
    ...SERVED.map(({ group, version }, index) => ({
      type: RESOURCE.apiService,
      manifest: {
        metadata: { name: `${version}.${group}`, labels },
        spec: {
          group, version, groupPriorityMinimum: 100, versionPriority: group === METRICS_GROUP ? 200 - index * 100 : 100,
          service: { name: METRICS_SERVICE, namespace: SYSTEM_NAMESPACE, port: PORT }, caBundle: Buffer.from(authority).toString('base64'),
        },
      },
    })),
  ];
}

/** Lets Kubernetes' own autoscaler read the metrics. */
export function buildMetricsReaderRbac(name = 'fnplane-metrics-reader'): { type: ResourceType; manifest: Manifest }[] {
  const rbac = 'rbac.authorization.k8s.io';
  const subjects = [{ kind: 'ServiceAccount', name: 'horizontal-pod-autoscaler', namespace: 'kube-system' }];
  return [
    { type: RESOURCE.clusterRole, manifest: { kind: 'ClusterRole', metadata: { name, labels }, rules: [{ apiGroups: [METRICS_GROUP, EXTERNAL_GROUP], resources: ['*'], verbs: ['get', 'list'] }] } },
    { type: RESOURCE.clusterRoleBinding, manifest: { kind: 'ClusterRoleBinding', metadata: { name, labels }, roleRef: { apiGroup: rbac, kind: 'ClusterRole', name }, subjects } },
  ];
}
