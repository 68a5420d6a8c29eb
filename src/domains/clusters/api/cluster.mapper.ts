import { etagOf } from '../../../platform/rest/etag.js';
import type { StatusCondition } from '../../../platform/kubernetes/conditions.js';
import { ConditionModel } from '../../tenants/api/tenant.model.js';
import { isReachable } from '../cluster-health.policy.js';
import type { ClusterVerdict } from '../placement-choice.policy.js';
import type { PlacementWish } from '../placement-states.js';
import type { ClusterWithUse } from '../clusters.service.js';
import type { PlacementSettings } from '../placement-settings.service.js';
import type { PlacementWithCluster } from '../placements.service.js';
import { ClusterCapacityModel, ClusterModel, ClusterUseModel, type ClusterPayload } from './cluster.model.js';
import { ClusterVerdictModel, EffectivePlacementModel, PlacedWorkloadsModel, PlacementModel, PlacementSettingsModel, type PlacementSettingsBody, type PlacementSettingsPayload } from './placement.model.js';

export function toClusterModel(row: ClusterWithUse): ClusterModel {
  const { id, name, region, labels, connection, state, capacity, gatewayUrl, rolloutEngine, kubernetes, heartbeatAt, message, conditions, createdAt, updatedAt, use } = row;
  return Object.assign(new ClusterModel(), {
    id, name, region, labels, connection, state, capacity: capacity ? Object.assign(new ClusterCapacityModel(), capacity) : undefined, used: Object.assign(new ClusterUseModel(), use),
    gatewayUrl: gatewayUrl ?? undefined, rolloutEngine, reachable: isReachable(row, new Date()), kubernetesVersion: kubernetes ?? undefined, heartbeatAt: heartbeatAt ?? undefined, message: message ?? undefined,
    conditions: conditions.map(toConditionModel), etag: etagOf(row), createdAt, updatedAt,
  });
}

export function toClusterPayload(row: ClusterWithUse): Omit<ClusterPayload, 'userErrors'> {
  return { cluster: toClusterModel(row) };
}

export function toPlacementModel({ placement, cluster }: PlacementWithCluster): PlacementModel {
  const { tenantId, clusterId, namespace, state, wantedBy, stateSince, workloads, conditions, createdAt, updatedAt } = placement;
  return Object.assign(new PlacementModel(), {
    id: clusterId, tenantId, clusterId, clusterName: cluster.name, region: cluster.region, namespace, state, wantedBy, stateSince,
    workloads: workloads ? Object.assign(new PlacedWorkloadsModel(), workloads) : undefined, conditions: conditions.map(toConditionModel), createdAt, updatedAt,
  });
}

export function toPlacementSettingsModel({ tenantId, regions, clusterLabels, clusters, etag, updatedAt, effective }: PlacementSettings): PlacementSettingsModel {
  return Object.assign(new PlacementSettingsModel(), {
    tenantId, regions, clusterLabels, clusters, etag, updatedAt: updatedAt ?? undefined,
    effective: Object.assign(new EffectivePlacementModel(), { ...effective, whyHere: effective.whyHere.map(toVerdictModel) }),
  });
}

export function toVerdictModel(verdict: ClusterVerdict): ClusterVerdictModel {
  return Object.assign(new ClusterVerdictModel(), verdict);
}

export function toPlacementSettingsPayload(settings: PlacementSettings): Omit<PlacementSettingsPayload, 'userErrors'> {
  return { placement: toPlacementSettingsModel(settings) };
}

/** What a PUT leaves out is as if nothing had been asked. */
export function toPlacementWish({ regions, clusterLabels, clusters }: PlacementSettingsBody): PlacementWish {
  return { regions: [...new Set(regions ?? [])], clusterLabels: clusterLabels ?? {}, clusters: clusters ?? 1 };
}

function toConditionModel({ type, status, reason, message, lastTransitionTime }: StatusCondition): ConditionModel {
  return Object.assign(new ConditionModel(), { type, status, reason, message, lastTransitionTime: new Date(lastTransitionTime) });
}
