import type { Runtime } from './function-resource.js';
import { API_GROUP, API_VERSION } from './names.js';

/** Runtimes that can wait for a function; a container the tenant brings cannot. */
export const POOL_RUNTIMES = ['python', 'node', 'go'] as const satisfies readonly Runtime[];
export type PoolRuntime = (typeof POOL_RUNTIMES)[number];

export const WARM_POOL_PLURAL = 'warmpools';
/** The one of a tenant's namespace. */
export const WARM_POOL_NAME = 'pool';
/** Most pods that wait, of one runtime and tenant. */
export const MOST_POOL_PODS = 50;

/**
 * Size of a pod that waits. Request and limit alike, as a function's: a resize may not change the quality-of-service class. What
 * a function loads at its start has to fit until the kubelet has resized the pod.
 */
export const POOL_POD_SIZE = { cpuMillis: 250, memoryMb: 128, ephemeralStorageMb: 256 } as const;

/** A function of Node with more memory starts cold: the heap's limit cannot be raised in a process that runs. */
export const NODE_POOL_HEAP_MB = 256;
export const NODE_POOL_MEMORY_MB = 512;

/** Largest specialization (see `deploy/runtimes/README.md`). */
export const SPECIALIZATION_LIMITS: Readonly<Record<PoolRuntime, number>> = { python: 24 * 1024 ** 2, node: 24 * 1024 ** 2, go: 96 * 1024 ** 2 };
export const SPECIALIZE_PATH = '/.fnplane/specialize';
export const POOL_ENV = { pool: 'FNPLANE_POOL', token: 'FNPLANE_POOL_TOKEN' } as const;
/** What waits in place of a Go function. */
export const GO_POOL_COMMAND = '/opt/fnplane/pool';

/** On pods of warm pools, whatever became of them: see {@link POOL_STATES}. */
export const POOL_LABEL = `${API_GROUP}/pool`;
export const POOL_RUNTIME_LABEL = `${API_GROUP}/pool-runtime`;
/** RFC 3339: when a pod was claimed. */
export const CLAIMED_AT = `${API_GROUP}/claimed-at`;
/** `waiting`: of no function. `claimed`: of one, but not serving yet. `serving`: bears the function's labels and serves it. */
export const POOL_STATES = ['waiting', 'claimed', 'serving'] as const;
export type PoolState = (typeof POOL_STATES)[number];

export interface PoolRuntimeSpec {
  runtime: PoolRuntime;
  /** Runtime image by digest. A function starts warm only if its own image stands on the same. */
  image: string;
  /** Pods that wait at any time, and the most there may be; in between the operator goes by demand. */
  min: number;
  max: number;
}

/** Written by the worker, read by the operator. */
export interface WarmPoolSpec {
  tenant: string;
  tenantId: string;
  runtimes: PoolRuntimeSpec[];
}

/** What the API server refused last for want of quota. */
export interface PoolRefusal {
  /** RFC 3339: when it began to refuse in these words. */
  at: string;
  message: string;
}

export interface PoolRuntimeStatus {
  runtime: PoolRuntime;
  /** Pods wanted waiting by demand; those there are; those that could be claimed now. */
  wanted: number;
  size: number;
  ready: number;
  /** Pods that came out of the pool and serve functions. */
  claimed: number;
  /** Last problem in words, for the tenant's owner; absent when there is none. */
  message?: string;
  /** Pods asked for by functions in the last ten minutes, whether or not there was one. */
  claims?: number;
  /** Milliseconds that pods waited, since the pool was made; as of `idleCountedAt`. The ledger counts by itself. */
  idleMs?: number;
  refusal?: PoolRefusal;
}

export const POOL_REASONS = ['Filled', 'Filling', 'QuotaRefused', 'PodsNotReady'] as const;
export type PoolReason = (typeof POOL_REASONS)[number];

/** As Kubernetes defines `metav1.Condition`. `Ready`: as many pods of every runtime as demand wants could be claimed now. */
export interface PoolCondition {
  type: 'Ready';
  status: 'True' | 'False';
  reason: PoolReason;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

export interface WarmPoolStatus {
  observedGeneration?: number;
  runtimes?: PoolRuntimeStatus[];
  /** RFC 3339. */
  idleCountedAt?: string;
  conditions?: PoolCondition[];
}

export interface WarmPoolResource {
  apiVersion: `${typeof API_GROUP}/${typeof API_VERSION}`;
  kind: 'WarmPool';
  metadata: {
    name: string;
    namespace: string;
    uid?: string;
    generation?: number;
    resourceVersion?: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec: WarmPoolSpec;
  status?: WarmPoolStatus;
}

export function isPoolRuntime(runtime: Runtime): runtime is PoolRuntime {
  return (POOL_RUNTIMES as readonly Runtime[]).includes(runtime);
}
