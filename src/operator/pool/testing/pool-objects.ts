import { ANNOTATION, LABEL } from '../../../contract/names.js';
import { CLAIMED_AT, POOL_LABEL, POOL_RUNTIME_LABEL, type PoolRuntime, type PoolRuntimeSpec, type PoolState, type WarmPoolResource } from '../../../contract/pool-resource.js';
import type { Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import { poolPodHash } from '../manifests/pool-pod.js';

/** Builders of what the plan of pools reads, for table tests. */

export const NOW = Date.parse('2026-01-01T12:00:00Z');
export const POOL_IMAGE = `registry.test/fnplane/runtime-python@sha256:${'b'.repeat(64)}`;

export function entryOf(more: Partial<PoolRuntimeSpec> = {}): PoolRuntimeSpec {
  return { runtime: 'python', image: POOL_IMAGE, min: 2, max: 5, ...more };
}

export function poolOf(...runtimes: PoolRuntimeSpec[]): WarmPoolResource {
  return {
    apiVersion: 'fnplane.dev/v1', kind: 'WarmPool', metadata: { name: 'pool', namespace: 'fnp-team', uid: 'pool-uid', generation: 2 },
    spec: { tenant: 'acme', tenantId: '22222222-2222-4222-8222-222222222222', runtimes: runtimes.length > 0 ? runtimes : [entryOf()] },
  };
}

export interface PoolPodOptions {
  runtime?: PoolRuntime;
  state?: PoolState;
  ready?: boolean;
  ageMs?: number;
  claimedAgoMs?: number;
  hash?: string;
  functionId?: string;
  revision?: number;
  deleting?: boolean;
  status?: Pod['status'];
}

let count = 0;

export function poolPod(options: PoolPodOptions = {}): Pod {
  const { runtime = 'python', state = 'waiting', ready = true, ageMs = 3_000, claimedAgoMs, functionId, revision = 1 } = options;
  count += 1;
  return {
    metadata: {
      name: `pool-${runtime}-${count}`, namespace: 'fnp-team', uid: `uid-${count}`, resourceVersion: String(count), creationTimestamp: new Date(NOW - ageMs).toISOString(),
      labels: { [POOL_LABEL]: state, [POOL_RUNTIME_LABEL]: runtime, ...(functionId ? { [LABEL.function]: 'shop', [LABEL.functionId]: functionId, [LABEL.revision]: String(revision) } : {}) },
      annotations: { [ANNOTATION.inputHash]: options.hash ?? poolPodHash(entryOf({ runtime })), ...(claimedAgoMs === undefined ? {} : { [CLAIMED_AT]: new Date(NOW - claimedAgoMs).toISOString() }) },
      ...(options.deleting ? { deletionTimestamp: new Date(NOW).toISOString() } : {}),
    },
    status: { phase: 'Running', podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }], ...options.status },
  } as Pod;
}
