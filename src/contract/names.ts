/**
 * Names both sides of a cluster's wall agree on: the worker writes them, operator, gateway and meter read them.
 * Everything is derived from ids and validated names, so the same input always gives the same object.
 */

/** API group of the custom resources and prefix of every label and annotation the platform owns. */
export const API_GROUP = 'fnplane.dev';
export const API_VERSION = 'v1';

/** Namespace of the platform's own objects on a cluster (access lists, the data path's identity). */
export const SYSTEM_NAMESPACE = 'fnplane-system';

/** Port every function container listens on (design: the function contract). */
export const FUNCTION_PORT = 8080;

/** Name of the function's container in its pods. */
export const FUNCTION_CONTAINER = 'function';

/** ServiceAccount of function pods: exists so that `default` is never used; bound to nothing, its token is never mounted. */
export const FUNCTION_SERVICE_ACCOUNT = 'fnplane-function';

/** Field managers for server-side apply, one for each role that writes. */
export const FIELD_MANAGER = { worker: 'fnplane-worker', operator: 'fnplane-operator', gateway: 'fnplane-gateway' } as const;

export const LABEL = {
  managedBy: 'app.kubernetes.io/managed-by',
  /** UUID of the tenant: on its namespace and on every object in it. Only the platform writes it. */
  tenant: `${API_GROUP}/tenant-id`,
  /** Name of the function: on everything that belongs to one. */
  function: `${API_GROUP}/function`,
  /** UUID of the function: tells apart two functions that bore the same name one after the other. */
  functionId: `${API_GROUP}/function-id`,
  /** Number of the revision, on Deployments and pods. */
  revision: `${API_GROUP}/revision`,
  /** What an object of the platform is for: `access-list`, `configuration`. */
  component: `${API_GROUP}/component`,
  /** On the namespaces or nodes the gateway and meter call from; NetworkPolicies admit it. */
  dataPath: `${API_GROUP}/data-path`,
} as const;

export const MANAGED_BY = 'fnplane';

export const ANNOTATION = {
  /** Hash of everything that went into an object, to tell a change from a repeat without comparing fields. */
  inputHash: `${API_GROUP}/input-hash`,
  /** On Functions, RFC 3339: a gateway has a request for it and found no pod. Later than `status.scale.since` it wakes. */
  wake: `${API_GROUP}/wake`,
  /** On pods: keyed hash of the live secrets the node was last asked to bring up to date. It means nothing but that it changed. */
  liveSecrets: `${API_GROUP}/live-secrets`,
} as const;

/**
 * A function's name: a DNS label of at most 40 characters, so that every derived name stays below 63.
 * Three hyphens in a row are kept for `tag---function` addresses, and what looks like a UUID would be taken for an id.
 */
export const FUNCTION_NAME = /^(?!.*---)(?![0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$)[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?$/;

/** A tenant's name: like a function's, it becomes a path segment and a host label. */
export const TENANT_NAME = FUNCTION_NAME;

/** Namespace of a tenant: from its id, never from a name a user chose. */
export function tenantNamespace(tenantId: string): string {
  return `fnp-${tenantId.replaceAll('-', '')}`;
}

/** Workload of one revision. The fixed suffix keeps `a` + revision apart from a function called `a-r00001`. */
export function revisionName(functionName: string, revision: number): string {
  return `${functionName}-r${String(revision).padStart(5, '0')}`;
}

/**
 * Headless Service of one revision that has a share or a tag beside the main one: gateways find its pods by it. Three hyphens keep it
 * apart from the Service of a function called like the revision's workload.
 */
export function revisionServiceName(functionName: string, revision: number): string {
  return `${functionName}---r${String(revision).padStart(5, '0')}`;
}

/** Service of a function inside its tenant's namespace: `http://<name>/` works for the tenant's other functions. */
export function serviceName(functionName: string): string {
  return functionName;
}

/** Secret in {@link SYSTEM_NAMESPACE} that tells the gateway who may invoke a tenant's functions. */
export function accessListName(tenantId: string): string {
  return `access-${tenantId}`;
}
