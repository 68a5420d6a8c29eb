/** How far back claims tell of what will come. */
export const DEMAND_WINDOW_MS = 600_000;
/** Claims so close together find no pod that was refilled meanwhile: a pod takes seconds to start. */
export const REFILL_MS = 10_000;

/**
 * Pods that should wait: as many as the largest burst of the last minutes took, before a refill could have helped, between the
 * bounds. Refused claims count too: they are what was missing.
 * @param claims epoch ms, in order
 */
export function wantedPods(claims: readonly number[], bounds: { min: number; max: number }, now: number): number {
  const recent = claims.filter((at) => at > now - DEMAND_WINDOW_MS && at <= now);
  let largest = 0;
  let first = 0;
  for (let last = 0; last < recent.length; last += 1) {
    while (recent[last]! - recent[first]! >= REFILL_MS) first += 1;
    largest = Math.max(largest, last - first + 1);
  }
  return Math.min(bounds.max, Math.max(bounds.min, largest));
}

/** When the next claim leaves the window, and the wanted number may fall. */
export function demandChangesAt(claims: readonly number[], now: number): number | undefined {
  const oldest = claims.find((at) => at > now - DEMAND_WINDOW_MS);
  return oldest === undefined ? undefined : oldest + DEMAND_WINDOW_MS;
}
