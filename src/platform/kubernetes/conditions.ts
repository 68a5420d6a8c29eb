/** The part of `metav1.Condition` that decides whether it changed. */
export interface StatusCondition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

/**
 * `conditions` with `next` in place of the one of its type. `lastTransitionTime` moves only when `status` changes
 * (Kubernetes API conventions); the order of the others is kept. Pure.
 */
export function setCondition<C extends StatusCondition>(
  conditions: readonly C[] | undefined,
  next: Omit<C, 'lastTransitionTime'>,
  now: string,
): C[] {
  const list = [...(conditions ?? [])];
  const index = list.findIndex((condition) => condition.type === next.type);
  const before = list[index];
  const lastTransitionTime = before && before.status === next.status ? before.lastTransitionTime : now;
  const merged = { ...next, lastTransitionTime } as C;
  if (index < 0) list.push(merged);
  else list[index] = merged;
  return list;
}

export function findCondition<C extends { type: string }>(conditions: readonly C[] | undefined, type: C['type']): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}
