import type { FunctionResource, RevisionSpec } from '../../../contract/function-resource.js';
import { ANNOTATION, API_GROUP, FUNCTION_CONTAINER, FUNCTION_PORT, FUNCTION_SERVICE_ACCOUNT, LABEL, revisionName } from '../../../contract/names.js';
import { RUNTIME_ENV, SECRETS_FOLDER } from '../../../contract/runtime.js';
import { contentHash, withInputHash } from '../../../platform/kubernetes/drift.js';
import type { Deployment } from '../../../platform/kubernetes/kubernetes-object.js';
import { cpuQuantity, mebibyteQuantity } from '../../../platform/kubernetes/quantity.js';
import { childMetadata, revisionLabels } from './function-labels.js';

/** `nonroot` of distroless images. */
const FUNCTION_UID = 65_532;
/** Read by the function's group (`fsGroup`), by nobody else; written by nobody. */
const SECRET_FILE_MODE = 0o440;

type PodSpec = NonNullable<NonNullable<Deployment['spec']>['template']['spec']>;
type Container = PodSpec['containers'][number];

/** On Deployments whose number of pods the operator gives: an autoscaler that takes over must not start from one pod. */
export const FIXED_REPLICAS = `${API_GROUP}/fixed-replicas`;

type PodTemplate = NonNullable<Deployment['spec']>['template'];

/**
 * Workload of one revision: pods at Pod Security `restricted`. Pods whose template carries the same
 * {@link ANNOTATION.inputHash} as the Deployment's are of the present configuration. Without `replicas` their number is an autoscaler's.
 */
export function buildDeployment(fn: FunctionResource, revision: RevisionSpec, replicas: number | undefined, template = buildTemplate(fn, revision)): Deployment {
  const metadata = childMetadata(fn, revisionName(fn.metadata.name, revision.number), revisionLabels(fn, revision.number));
  return withInputHash<Deployment>({
    metadata: replicas === undefined ? metadata : { ...metadata, annotations: { [FIXED_REPLICAS]: 'true' } },
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      revisionHistoryLimit: 1,
      progressDeadlineSeconds: 60,
      selector: { matchLabels: { [LABEL.functionId]: fn.spec.functionId, [LABEL.revision]: String(revision.number) } },
      // A new configuration never takes ready pods away first. It needs room for one pod more in the tenant's quota; where
      // there is none it waits and says so.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template,
    },
  });
}

/** What the revision's pods are made of, marked with its hash. */
export function buildTemplate(fn: FunctionResource, revision: RevisionSpec): PodTemplate {
  const labels = revisionLabels(fn, revision.number);
  const spec = buildPodSpec(fn, revision);
  return { metadata: { labels, annotations: { [ANNOTATION.inputHash]: contentHash({ labels, spec }) } }, spec };
}

/** Hash that marks the pods of a Deployment's present template. */
export function templateHash(deployment: Deployment): string | undefined {
  return deployment.spec?.template.metadata?.annotations?.[ANNOTATION.inputHash];
}

function buildPodSpec(fn: FunctionResource, revision: RevisionSpec): PodSpec {
  return {
    serviceAccountName: FUNCTION_SERVICE_ACCOUNT,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    // Longer than one invocation may run would be kinder; 30 s is what the runtimes' draining is built for.
    terminationGracePeriodSeconds: 30,
    securityContext: {
      runAsNonRoot: true, runAsUser: FUNCTION_UID, runAsGroup: FUNCTION_UID, fsGroup: FUNCTION_UID, seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [buildContainer(fn, revision)],
    volumes: [{ name: 'tmp', emptyDir: { sizeLimit: mebibyteQuantity(revision.resources.ephemeralStorageMb) } }, ...secretVolumes(revision)],
  };
}

function buildContainer(fn: FunctionResource, revision: RevisionSpec): Container {
  const { cpuMillis, memoryMb, ephemeralStorageMb } = revision.resources;
  const size = { cpu: cpuQuantity(cpuMillis), memory: mebibyteQuantity(memoryMb), 'ephemeral-storage': mebibyteQuantity(ephemeralStorageMb) };
  return {
    name: FUNCTION_CONTAINER,
    image: revision.image,
    imagePullPolicy: 'IfNotPresent',
    ports: [{ name: 'http', containerPort: FUNCTION_PORT, protocol: 'TCP' }],
    env: buildEnvironment(fn, revision),
    envFrom: [
      ...(revision.configMap ? [{ configMapRef: { name: revision.configMap } }] : []),
      ...(revision.secret ? [{ secretRef: { name: revision.secret } }] : []),
    ],
    resources: { requests: size, limits: size },
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }, ...secretMounts(revision)],
    terminationMessagePolicy: 'FallbackToLogsOnError',
    // SIGTERM comes at the same moment as the news that the pod is no endpoint any more. The runtimes stop accepting at once, so
    // the kubelet holds the signal back until proxies have heard it; no shell is needed in the image (Kubernetes >= 1.30).
    lifecycle: { preStop: { sleep: { seconds: 2 } } },
    ...buildProbes(),
  };
}

/** Folders in memory. No `items` nor `subPath`: with them a kubelet would not follow new names or values. */
function secretVolumes({ secretFiles = [] }: RevisionSpec): NonNullable<PodSpec['volumes']> {
  return secretFiles.map(({ secret }, index) => ({ name: `secret-${index}`, secret: { secretName: secret, defaultMode: SECRET_FILE_MODE } }));
}

function secretMounts({ secretFiles = [] }: RevisionSpec): NonNullable<Container['volumeMounts']> {
  return secretFiles.map(({ name }, index) => ({ name: `secret-${index}`, mountPath: `${SECRETS_FOLDER}/${name}`, readOnly: true }));
}

/**
 * No startup probe: the kubelet probes readiness at once when it sees the container run, while a startup probe is first
 * tried at its own next tick and costs a second. A slow start is given 60 s before liveness may restart it.
 */
function buildProbes(): Pick<Container, 'readinessProbe' | 'livenessProbe'> {
  const httpGet = { path: '/healthz', port: FUNCTION_PORT, scheme: 'HTTP' };
  return {
    readinessProbe: { httpGet, periodSeconds: 1, timeoutSeconds: 1, successThreshold: 1, failureThreshold: 3 },
    livenessProbe: { httpGet, initialDelaySeconds: 60, periodSeconds: 10, timeoutSeconds: 5, successThreshold: 1, failureThreshold: 3 },
  };
}

/** `env` wins over `envFrom`: a tenant's ConfigMap cannot take the contract's names over. */
function buildEnvironment(fn: FunctionResource, revision: RevisionSpec): NonNullable<Container['env']> {
  const values: Record<keyof typeof RUNTIME_ENV, string> = {
    port: String(FUNCTION_PORT),
    tenant: fn.spec.tenant,
    function: fn.metadata.name,
    revision: String(revision.number),
    handler: revision.handler,
    timeoutMs: String(revision.timeoutSeconds * 1_000),
    concurrency: String(revision.concurrency),
  };
  return (Object.keys(RUNTIME_ENV) as (keyof typeof RUNTIME_ENV)[]).map((key) => ({ name: RUNTIME_ENV[key], value: values[key] }));
}
