import { ANNOTATION, API_GROUP, API_VERSION, FUNCTION_CONTAINER, FUNCTION_PORT, FUNCTION_SERVICE_ACCOUNT, LABEL, MANAGED_BY } from '../../../contract/names.js';
import {
  GO_POOL_COMMAND, NODE_POOL_HEAP_MB, POOL_ENV, POOL_LABEL, POOL_POD_SIZE, POOL_RUNTIME_LABEL, type PoolRuntimeSpec, type WarmPoolResource,
} from '../../../contract/pool-resource.js';
import { CODE_FOLDER, RUNTIME_ENV, SECRETS_FOLDER } from '../../../contract/runtime.js';
import { contentHash, withInputHash } from '../../../platform/kubernetes/drift.js';
import type { NetworkPolicy, OwnerReference, Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import { cpuQuantity, mebibyteQuantity } from '../../../platform/kubernetes/quantity.js';

type PodSpec = NonNullable<Pod['spec']>;
type Container = PodSpec['containers'][number];

/** Secret with a token a pod, under the pod's name. The dot keeps it apart from anything a tenant may name. */
export const POOL_TOKENS = 'fnplane.pool-tokens';
export const POOL_NETWORK_POLICY = 'fnplane.pool';
/** Value of {@link LABEL.component} on what belongs to a pool and no function yet. */
export const POOL_COMPONENT = 'warm-pool';

/** `nonroot` of distroless images, as function pods have it. */
const FUNCTION_UID = 65_532;
const SECRETS_MB = 16;

export function poolOwner(pool: WarmPoolResource): OwnerReference {
  return { apiVersion: `${API_GROUP}/${API_VERSION}`, kind: 'WarmPool', name: pool.metadata.name, uid: pool.metadata.uid ?? '', controller: true, blockOwnerDeletion: true };
}

export function poolLabels(pool: WarmPoolResource): Record<string, string> {
  return { [LABEL.managedBy]: MANAGED_BY, [LABEL.tenant]: pool.spec.tenantId, [LABEL.component]: POOL_COMPONENT };
}

/**
 * A pod that waits for a function: what a function's own pod is, but for size and code. No Service of a function selects it. It is
 * never restarted: a process that ended has lost what it became.
 */
export function buildPoolPod(pool: WarmPoolResource, entry: PoolRuntimeSpec, name: string): Pod {
  const spec = buildSpec(entry, name);
  return {
    metadata: {
      name,
      namespace: pool.metadata.namespace,
      labels: { ...poolLabels(pool), [POOL_LABEL]: 'waiting', [POOL_RUNTIME_LABEL]: entry.runtime },
      annotations: { [ANNOTATION.inputHash]: poolPodHash(entry) },
      ownerReferences: [poolOwner(pool)],
    },
    spec,
  };
}

/** Marks the pods of the present recipe: those of another are replaced. */
export function poolPodHash(entry: PoolRuntimeSpec): string {
  return contentHash(buildSpec(entry, ''));
}

function buildSpec(entry: PoolRuntimeSpec, name: string): PodSpec {
  return {
    serviceAccountName: FUNCTION_SERVICE_ACCOUNT,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 30,
    securityContext: { runAsNonRoot: true, runAsUser: FUNCTION_UID, runAsGroup: FUNCTION_UID, fsGroup: FUNCTION_UID, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [buildContainer(entry, name)],
    volumes: [
      { name: 'tmp', emptyDir: { sizeLimit: mebibyteQuantity(POOL_POD_SIZE.ephemeralStorageMb) } },
      { name: 'code', emptyDir: { sizeLimit: mebibyteQuantity(POOL_POD_SIZE.ephemeralStorageMb) } },
      // In memory only: secrets never lie on a node's disk.
      { name: 'secrets', emptyDir: { medium: 'Memory', sizeLimit: mebibyteQuantity(SECRETS_MB) } },
    ],
  };
}

function buildContainer({ runtime, image }: PoolRuntimeSpec, name: string): Container {
  const { cpuMillis, memoryMb, ephemeralStorageMb } = POOL_POD_SIZE;
  const size = { cpu: cpuQuantity(cpuMillis), memory: mebibyteQuantity(memoryMb), 'ephemeral-storage': mebibyteQuantity(ephemeralStorageMb) };
  const httpGet = { path: '/healthz', port: FUNCTION_PORT, scheme: 'HTTP' };
  return {
    name: FUNCTION_CONTAINER,
    image,
    imagePullPolicy: 'IfNotPresent',
    ...commandOf(runtime),
    ports: [{ name: 'http', containerPort: FUNCTION_PORT, protocol: 'TCP' }],
    env: [
      { name: RUNTIME_ENV.port, value: String(FUNCTION_PORT) },
      { name: POOL_ENV.pool, value: '1' },
      { name: POOL_ENV.token, valueFrom: { secretKeyRef: { name: POOL_TOKENS, key: name } } },
    ],
    resources: { requests: size, limits: size },
    // A new size takes hold while the process runs on.
    resizePolicy: RESIZE_POLICY,
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }, { name: 'code', mountPath: CODE_FOLDER }, { name: 'secrets', mountPath: SECRETS_FOLDER }],
    terminationMessagePolicy: 'FallbackToLogsOnError',
    lifecycle: { preStop: { sleep: { seconds: 2 } } },
    readinessProbe: { httpGet, periodSeconds: 1, timeoutSeconds: 1, successThreshold: 1, failureThreshold: 3 },
    livenessProbe: { httpGet, initialDelaySeconds: 60, periodSeconds: 10, timeoutSeconds: 5, successThreshold: 1, failureThreshold: 3 },
  };
}

export const RESIZE_POLICY = [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }, { resourceName: 'memory', restartPolicy: 'NotRequired' }];

/** How the process that waits is started, where that is not the image's own way. */
function commandOf(runtime: PoolRuntimeSpec['runtime']): Pick<Container, 'command' | 'args'> {
  if (runtime === 'go') return { command: [GO_POOL_COMMAND] };
  if (runtime === 'python') return {};
  // The heap's limit is set for the life of a process: for the largest function that may come of it. V8 grows heaps of this size no faster than smaller ones; the kernel holds the function's own limit.
  return {
    command: ['/usr/bin/node', `--max-old-space-size=${NODE_POOL_HEAP_MB}`, '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON', '--disable-warning=ExperimentalWarning', '/opt/fnplane/start.js'],
  };
}

/** Who reaches a pod that waits or came out of the pool: the data path, to specialize it and to give it requests before it stands in a Service. */
export function buildPoolNetworkPolicy(pool: WarmPoolResource): NetworkPolicy {
  return withInputHash<NetworkPolicy>({
    metadata: { name: POOL_NETWORK_POLICY, namespace: pool.metadata.namespace, labels: poolLabels(pool), ownerReferences: [poolOwner(pool)] },
    spec: {
      podSelector: { matchExpressions: [{ key: POOL_LABEL, operator: 'Exists' }] },
      policyTypes: ['Ingress'],
      ingress: [{ from: [{ namespaceSelector: { matchExpressions: [{ key: LABEL.dataPath, operator: 'Exists' }] } }], ports: [{ port: FUNCTION_PORT, protocol: 'TCP' }] }],
    },
  });
}
