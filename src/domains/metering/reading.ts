import type { UsageTotals } from '../../contract/runtime.js';
import type { PodRequests } from './request-metrics.policy.js';

/** The totals of one process life at one moment, with what is needed to book them. */
export interface Reading {
  /** Unique, within its cluster, to one life: a pod's container since its start, or a gateway's count of one function. */
  instance: string;
  tenantId: string;
  functionId: string;
  functionName: string;
  revision: number;
  cluster: string;
  /** Size the function was configured with, for MB and millicore milliseconds. */
  memoryMb: number;
  cpuMillis: number;
  totals: UsageTotals;
  at: Date;
  /** Of a pod that runs: what its time series are made of. */
  requests?: PodRequests;
}

/** What a reading's totals are of: what is read twice, by whomever, has the same. */
export function counterOf({ cluster, instance, functionId, revision }: Reading): string {
  return `${cluster}:${instance}:${functionId}:${revision}`;
}

/** Totals never fall within one life; a reading that shows less than an earlier one came late and adds nothing. */
export function isNews(reading: Reading, before: UsageTotals | undefined): boolean {
  if (!before) return reading.totals.invocations > 0 || reading.totals.billedMs > 0;
  return reading.totals.invocations > before.invocations || reading.totals.billedMs > before.billedMs
    || reading.totals.requestBytes > before.requestBytes || reading.totals.responseBytes > before.responseBytes;
}
