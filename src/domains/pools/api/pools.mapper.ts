import type { PoolRuntimeStatus } from '../../../contract/pool-resource.js';
import { ConditionModel } from '../../tenants/api/tenant.model.js';
import type { Pools } from '../pools.service.js';
import type { PoolOnCluster } from '../store/pool-statuses.repository.js';
import { PoolBoundsModel, PoolOnClusterModel, PoolRefusalModel, PoolRuntimeStatusModel, PoolsModel, type PoolsPayload } from './pools.model.js';

export function toPoolsModel(pools: Pools): PoolsModel {
  const { tenantId, etag, updatedAt } = pools;
  const bounds = (all: Pools['runtimes']): PoolBoundsModel[] => all.map((one) => Object.assign(new PoolBoundsModel(), one));
  return Object.assign(new PoolsModel(), { tenantId, runtimes: bounds(pools.runtimes), effective: bounds(pools.effective), status: pools.clusters.map(toPoolOnClusterModel), etag, updatedAt });
}

export function toPoolsPayload(pools: Pools): Omit<PoolsPayload, 'userErrors'> {
  return { pools: toPoolsModel(pools) };
}

function toPoolOnClusterModel({ cluster, status, observedAt }: PoolOnCluster): PoolOnClusterModel {
  const conditions = (status.conditions ?? []).map(({ type, status: holds, reason, message, lastTransitionTime }) => Object.assign(new ConditionModel(), { type, status: holds, reason, message, lastTransitionTime: new Date(lastTransitionTime) }));
  return Object.assign(new PoolOnClusterModel(), { cluster, runtimes: (status.runtimes ?? []).map(toRuntimeModel), conditions, observedAt });
}

function toRuntimeModel({ runtime, wanted, size, ready, claimed, claims = 0, idleMs = 0, message, refusal }: PoolRuntimeStatus): PoolRuntimeStatusModel {
  return Object.assign(new PoolRuntimeStatusModel(), {
    runtime, desired: wanted, waiting: size, ready, serving: claimed, recentClaims: claims, idlePodSeconds: Math.floor(idleMs / 1_000), message: message ?? null,
    lastRefusal: refusal ? Object.assign(new PoolRefusalModel(), { at: new Date(refusal.at), message: refusal.message }) : null,
  });
}
