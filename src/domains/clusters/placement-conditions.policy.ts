import { setCondition, type StatusCondition } from '../../platform/kubernetes/conditions.js';
import type { PlacedWorkloads, PlacementState } from './placement-states.js';

/** Why a placement is not as it should be, in a word and in words, and when to look again. */
export interface PlacementProblem {
  reason: string;
  message: string;
  retryAfterMs: number;
}

export function noCluster(): PlacementProblem {
  return { reason: 'NoCluster', message: 'No cluster that the tenant may be placed on takes new tenants at the moment; the tenant is set up as soon as one does.', retryAfterMs: 5_000 };
}

export function namespaceTerminating(cluster: string): PlacementProblem {
  return { reason: 'NamespaceTerminating', message: `The tenant's namespace on cluster ${cluster} is being deleted by somebody; it is made anew as soon as it is gone.`, retryAfterMs: 1_000 };
}

export function namespaceNotOurs(cluster: string): PlacementProblem {
  return {
    reason: 'NamespaceNotOurs', retryAfterMs: 30_000,
    message: `Cluster ${cluster} has a namespace of this tenant's name that the platform did not make. It is not touched; an operator of the cluster has to remove it.`,
  };
}

export function clusterUnreachable(cluster: string, retryAfterSeconds = 2): PlacementProblem {
  return { reason: 'ClusterUnreachable', message: `Cluster ${cluster} does not answer as it should at the moment; the work goes on as soon as it does.`, retryAfterMs: retryAfterSeconds * 1_000 };
}

export function clusterRefused(cluster: string, words: string): PlacementProblem {
  return { reason: 'PlacementFailed', message: `Cluster ${cluster} refused a part of the tenant's set-up: ${words.slice(0, 500)}`, retryAfterMs: 10_000 };
}

export function removing(cluster: string, message: string): PlacementProblem {
  return { reason: 'Deleting', message: `Cluster ${cluster}: ${message}`, retryAfterMs: 1_000 };
}

/** The `Ready` condition for a problem or none; the very same list when nothing changed. Pure. */
export function placementConditions(before: StatusCondition[], problem: PlacementProblem | undefined, now: Date): StatusCondition[] {
  const ready: Omit<StatusCondition, 'lastTransitionTime'> = problem
    ? { type: 'Ready', status: 'False', reason: problem.reason, message: problem.message }
    : { type: 'Ready', status: 'True', reason: 'Ready', message: 'Everything the tenant needs on this cluster is in place.' };
  const present = before.find((condition) => condition.type === 'Ready');
  if (present && present.status === ready.status && present.reason === ready.reason && present.message === ready.message) return before;
  return setCondition(before, ready, now.toISOString());
}

/** Where a placement is on its way, as condition `Settled`; the very same list when nothing changed. Pure. */
export function moveConditions(before: StatusCondition[], state: PlacementState, workloads: PlacedWorkloads | null, now: Date): StatusCondition[] {
  const settled = { type: 'Settled', ...wordsOf(state, workloads) };
  const present = before.find((condition) => condition.type === 'Settled');
  // A placement that never moved needs no words about it.
  if (!present && state === 'active') return before;
  if (present && present.status === settled.status && present.reason === settled.reason && present.message === settled.message) return before;
  return setCondition(before, settled, now.toISOString());
}

function wordsOf(state: PlacementState, workloads: PlacedWorkloads | null): Pick<StatusCondition, 'status' | 'reason' | 'message'> {
  switch (state) {
    case 'active': return { status: 'True', reason: 'Settled', message: 'The tenant is served from this cluster.' };
    case 'pending': return { status: 'False', reason: 'Preparing', message: workloads ? waitingFor(workloads) : 'The tenant\'s namespace is being set up here.' };
    case 'leaving': return { status: 'False', reason: 'WaitingForReplacement', message: 'The tenant leaves this cluster as soon as everything is ready on another one.' };
    case 'deleting': return { status: 'False', reason: 'Deleting', message: 'What the tenant had here is being taken away.' };
    case 'orphaned': return { status: 'False', reason: 'WaitingForCluster', message: 'The cluster does not answer; what the tenant had here is taken away as soon as it does.' };
  }
}

function waitingFor({ total, ready, waiting }: PlacedWorkloads): string {
  const first = waiting.slice(0, 3).map(({ name, message }) => `${name} (${message})`).join(', ');
  return `${ready} of ${total} functions are ready here${first === '' ? '' : `; waiting for ${first}`}.`.slice(0, 1_000);
}
