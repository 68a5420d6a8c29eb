import type { V1ContainerStatus } from '@kubernetes/client-node';
import { FUNCTION_CONTAINER, LABEL } from '../../../contract/names.js';
import type { TerminationMessage, UsageTotals } from '../../../contract/runtime.js';
import type { Pod, Wire } from '../../../platform/kubernetes/kubernetes-object.js';
import { parseQuantity } from '../../../platform/kubernetes/quantity.js';
import type { Reading } from '../reading.js';

/** Facts of a function pod that every reading of it shares; null for a pod that is none of the platform's. */
export type PodFacts = Omit<Reading, 'instance' | 'totals' | 'at'>;

const BYTES_PER_MB = 1024 * 1024;

export function podFacts(pod: Pod, cluster: string): PodFacts | null {
  const labels = pod.metadata?.labels ?? {};
  const tenantId = labels[LABEL.tenant];
  const functionId = labels[LABEL.functionId];
  const functionName = labels[LABEL.function];
  const revision = Number(labels[LABEL.revision]);
  const limits = pod.spec?.containers.find((container) => container.name === FUNCTION_CONTAINER)?.resources?.limits;
  if (!tenantId || !functionId || !functionName || !Number.isInteger(revision) || !limits) return null;
  return {
    tenantId, functionId, functionName, revision, cluster,
    memoryMb: Math.round(parseQuantity(limits.memory ?? '0') / BYTES_PER_MB),
    cpuMillis: Math.round(parseQuantity(limits.cpu ?? '0') * 1000),
  };
}

/** What containers that ended left in the pod's status: the last totals of their lives (contract: TerminationMessage). */
export function terminationReadings(pod: Pod, cluster: string, now: Date): Reading[] {
  const status = pod.status?.containerStatuses?.find((container) => container.name === FUNCTION_CONTAINER);
  const facts = status ? podFacts(pod, cluster) : null;
  if (!status || !facts) return [];
  return endedStates(status).flatMap((ended) => {
    const message = parseTermination(ended.message);
    const at = ended.finishedAt ? new Date(ended.finishedAt) : now;
    return message ? [{ ...facts, instance: message.instance, totals: message.totals, at }] : [];
  });
}

function endedStates(status: Wire<V1ContainerStatus>): { message?: string; finishedAt?: string }[] {
  return [status.lastState?.terminated, status.state?.terminated].filter((state) => state !== undefined && state !== null);
}

/** The tenant's code can write this file too: only whole, bounded, well-formed totals count. */
export function parseTermination(text: string | undefined): TerminationMessage | null {
  if (!text?.startsWith('{')) return null;
  try {
    const value = JSON.parse(text) as Partial<TerminationMessage> | null;
    const fields: (keyof UsageTotals)[] = ['invocations', 'billedMs', 'requestBytes', 'responseBytes'];
    if (value?.fnplane !== 1 || typeof value.instance !== 'string' || !/^[0-9A-Za-z-]{8,64}$/.test(value.instance) || !value.totals) return null;
    const totals = value.totals;
    return fields.every((field) => Number.isSafeInteger(totals[field]) && totals[field] >= 0) ? { fnplane: 1, instance: value.instance, totals } : null;
  } catch {
    return null;
  }
}
