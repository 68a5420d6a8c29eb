/** `pool`: pods that wait in a warm pool. `function`: pods of functions, busy or not. */
export const CAPACITY_USES = ['pool', 'function'] as const;
export type CapacityUse = (typeof CAPACITY_USES)[number];

/** A part of one pod's life in which it was kept ready for a tenant, as the cluster tells it. */
export interface CapacitySpan {
  podUid: string;
  use: CapacityUse;
  tenantId: string;
  /** Of `function`. */
  function: { id: string; name: string; revision: number } | null;
  /** Of `pool`. */
  runtime: string | null;
  cluster: string;
  memoryMb: number;
  cpuMillis: number;
  /** Epoch ms. */
  from: number;
  /** Undefined while it goes on. */
  to: number | undefined;
  /** When the cluster was last heard of: it had not ended by then, or `to` is known. */
  seenUntil: number;
}

/** What of a span lies in one window. */
export interface CapacityPart {
  windowAt: number;
  from: number;
  ms: number;
}

export function spanKey({ podUid, use }: Pick<CapacitySpan, 'podUid' | 'use'>): string {
  return `${podUid}/${use}`;
}
