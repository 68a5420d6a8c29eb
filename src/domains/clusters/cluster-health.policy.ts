import type { RolloutEngine } from '../../contract/function-resource.js';
import { findCondition, setCondition, type StatusCondition } from '../../platform/kubernetes/conditions.js';
import type { ClusterEntity } from './store/cluster.entity.js';

/** Three heartbeats missed. */
const STALE_MS = 50_000;
/** A cluster that did not answer for so long has lost its tenants to others. */
export const LOST_AFTER_MS = 120_000;

export type ClusterHealth = Pick<ClusterEntity, 'heartbeatAt' | 'message'>;

/** Whether a cluster answered its last heartbeat, and that not long ago: without a worker nobody asks. */
export function isReachable(cluster: ClusterHealth, now: Date): boolean {
  return cluster.message === null && cluster.heartbeatAt !== null && now.getTime() - cluster.heartbeatAt.getTime() <= STALE_MS;
}

/** Whether nothing is known against a cluster: it answered when it was asked last, or nobody has asked yet. */
export function isTrusted(cluster: Pick<ClusterEntity, 'message'>): boolean {
  return cluster.message === null;
}

/**
 * Whether a cluster was asked again and again, also lately, and did not answer for longer than tenants can be without it.
 * That nobody asked says nothing: after an outage of the workers no tenant is moved.
 */
export function isLost(cluster: ClusterHealth & Pick<ClusterEntity, 'attemptedAt' | 'conditions'>, now: Date): boolean {
  const reachable = findCondition(cluster.conditions, 'Reachable');
  if (reachable?.status !== 'False' || cluster.message === null || cluster.attemptedAt === null) return false;
  return now.getTime() - cluster.attemptedAt.getTime() <= STALE_MS && now.getTime() - Date.parse(reachable.lastTransitionTime) >= LOST_AFTER_MS;
}

/** What a heartbeat means: a missed one is a doubt, several are certainty. The very same list when nothing changed. */
export function clusterConditions(cluster: Pick<ClusterEntity, 'conditions' | 'heartbeatAt' | 'createdAt'>, failure: string | null, now: Date): StatusCondition[] {
  const silentMs = now.getTime() - (cluster.heartbeatAt ?? cluster.createdAt).getTime();
  const next: Omit<StatusCondition, 'lastTransitionTime'> = failure === null
    ? { type: 'Reachable', status: 'True', reason: 'Answering', message: 'The cluster answers.' }
    : silentMs < STALE_MS ? { type: 'Reachable', status: 'Unknown', reason: 'HeartbeatMissed', message: failure } : { type: 'Reachable', status: 'False', reason: 'NotAnswering', message: failure };
  const before = findCondition(cluster.conditions, 'Reachable');
  if (before && before.status === next.status && before.reason === next.reason && before.message === next.message) return cluster.conditions;
  return setCondition(cluster.conditions, next, now.toISOString());
}

/**
 * Whether what steps releases there is there.
 * @param installed undefined where it was not asked
 */
export function engineCondition(conditions: StatusCondition[], engine: RolloutEngine, installed: boolean | undefined, now: Date): StatusCondition[] {
  const type = 'RolloutEngine';
  const before = findCondition(conditions, type);
  if (engine === 'operator') return before ? conditions.filter((condition) => condition.type !== type) : conditions;
  if (installed === undefined || before?.status === (installed ? 'True' : 'False')) return conditions;
  const next = installed ? { status: 'True' as const, reason: 'Installed', message: 'Argo Rollouts steps releases.' }
    : { status: 'False' as const, reason: 'NotInstalled', message: 'Argo Rollouts is not installed: there is no rollouts.argoproj.io. Functions stay as they are until it is, or until rolloutEngine is operator.' };
  return setCondition(conditions, { type, ...next }, now.toISOString());
}
