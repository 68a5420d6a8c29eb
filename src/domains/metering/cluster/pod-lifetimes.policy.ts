import { FUNCTION_CONTAINER, LABEL } from '../../../contract/names.js';
import { CLAIMED_AT, POOL_LABEL, POOL_POD_SIZE, POOL_RUNTIME_LABEL } from '../../../contract/pool-resource.js';
import type { Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import type { CapacitySpan } from '../capacity.js';
import { podFacts } from './pod-readings.policy.js';

/**
 * The parts of a pod's life that a tenant has it for: waiting in a warm pool until it is claimed, then, or from its start, as a
 * function's. It counts from the start of its container, so that a pull of its image does not, until somebody deletes it or it
 * ends: the cluster's own times, which everybody reads alike. Pure.
 */
export function podSpans(pod: Pod, cluster: string, seenUntil: number): CapacitySpan[] {
  const started = startOf(pod);
  if (started === undefined || !pod.metadata.uid) return [];
  const labels = pod.metadata.labels ?? {};
  const base = { podUid: pod.metadata.uid, cluster, seenUntil };
  const ended = endOf(pod);
  const claimed = claimedAt(pod, started);
  const spans: CapacitySpan[] = [];
  const [tenantId, runtime] = [labels[LABEL.tenant], labels[POOL_RUNTIME_LABEL]];
  if (labels[POOL_LABEL] !== undefined && tenantId && runtime) {
    const { memoryMb, cpuMillis } = POOL_POD_SIZE;
    spans.push({ ...base, use: 'pool', tenantId, function: null, runtime, memoryMb, cpuMillis, from: started, to: earliest(claimed, ended) });
  }
  const facts = podFacts(pod, cluster);
  if (facts) {
    const { functionId: id, functionName: name, revision, memoryMb, cpuMillis } = facts;
    spans.push({ ...base, use: 'function', tenantId: facts.tenantId, function: { id, name, revision }, runtime: null, memoryMb, cpuMillis, from: claimed ?? started, to: ended });
  }
  return spans;
}

/** Undefined while its container never ran. Of a container that was restarted the cluster forgets the first start: the pod's own stands for it. */
function startOf({ status }: Pod): number | undefined {
  const container = status?.containerStatuses?.find(({ name }) => name === FUNCTION_CONTAINER);
  if (!container) return undefined;
  if (container.restartCount > 0) return timeOf(status?.startTime);
  return timeOf(container.state?.running?.startedAt ?? container.state?.terminated?.startedAt ?? container.lastState?.terminated?.startedAt);
}

/** When it was asked to go, or ended by itself for good. */
function endOf({ metadata, status }: Pod): number | undefined {
  const goneBy = timeOf(metadata.deletionTimestamp);
  const asked = goneBy === undefined ? undefined : goneBy - (metadata.deletionGracePeriodSeconds ?? 0) * 1_000;
  if (status?.phase !== 'Failed' && status?.phase !== 'Succeeded') return asked;
  const finished = status.containerStatuses?.find(({ name }) => name === FUNCTION_CONTAINER)?.state?.terminated?.finishedAt;
  return earliest(asked, timeOf(finished ?? status.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime));
}

function claimedAt({ metadata }: Pod, started: number): number | undefined {
  const state = metadata.labels?.[POOL_LABEL];
  if (state === undefined || state === 'waiting') return undefined;
  return Math.max(started, timeOf(metadata.annotations?.[CLAIMED_AT]) ?? started);
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? a ?? b : Math.min(a, b);
}

function timeOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}
