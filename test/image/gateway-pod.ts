import type { Pod } from '../../src/platform/kubernetes/kubernetes-object.js';
import type { KubernetesObject } from '../../src/platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../src/platform/kubernetes/resource-type.js';

export interface PlacedObject {
  type: ResourceType;
  object: KubernetesObject & Record<string, unknown>;
}

/** A namespace that takes `restricted` pods only, and an identity that may read what the gateway reads. */
export function buildGatewayGround(name: string): PlacedObject[] {
  const read = (apiGroup: string, resource: string): object => ({ apiGroups: [apiGroup], resources: [resource], verbs: ['get', 'list', 'watch'] });
  return [
    { type: RESOURCE.namespace, object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } } },
    { type: RESOURCE.serviceAccount, object: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'gateway', namespace: name } } },
    {
      type: RESOURCE.clusterRole,
      object: {
        apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name },
        rules: [read('fnplane.dev', 'functions'), read('discovery.k8s.io', 'endpointslices'), read('', 'secrets')],
      },
    },
    {
      type: RESOURCE.clusterRoleBinding,
      object: {
        apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name }, subjects: [{ kind: 'ServiceAccount', name: 'gateway', namespace: name }],
      },
    },
  ];
}

/** The image as a pod under `restricted` Pod Security, with the kubelet asking the management port. */
export function buildPod(namespace: string, name: string, image: string, environment: Record<string, string>): Pod {
  const probe = (path: string): object => ({ httpGet: { path, port: 3090 }, periodSeconds: 1, failureThreshold: 30 });
  return {
    apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace },
    spec: {
      serviceAccountName: 'gateway', restartPolicy: 'Never',
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{
        name: 'fnplane', image, terminationMessagePolicy: 'FallbackToLogsOnError',
        env: Object.entries(environment).map(([key, value]) => ({ name: key, value })),
        securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { cpu: '1', memory: '384Mi' } },
        volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
        startupProbe: probe('/livez'), readinessProbe: probe('/readyz'),
      }],
      volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '64Mi' } }],
    },
  } as unknown as Pod;
}
