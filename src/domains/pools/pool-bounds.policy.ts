import { POOL_POD_SIZE, POOL_RUNTIMES, type PoolRuntime } from '../../contract/pool-resource.js';
import type { FieldProblem } from '../../platform/errors/domain-error.js';
import type { ReservedLimit } from '../tenants/quota-admission.js';

/** How many pods of a runtime wait. */
export interface PoolBounds {
  runtime: PoolRuntime;
  min: number;
  max: number;
}

/** What no single field shows to be wrong. */
export function boundsProblems(runtimes: readonly PoolBounds[]): FieldProblem[] {
  const seen = new Set<PoolRuntime>();
  return runtimes.flatMap(({ runtime, min, max }, index) => {
    const twice = seen.has(runtime);
    seen.add(runtime);
    return [
      ...(twice ? [{ pointer: `/runtimes/${index}/runtime`, message: `${runtime} is named twice` }] : []),
      ...(min > max ? [{ pointer: `/runtimes/${index}/min`, message: `must not exceed max, ${max}` }] : []),
    ];
  });
}

/** What the pods of a runtime hold of the tenant's quota: room for all that may wait. */
export function poolReservation({ max }: PoolBounds): Partial<Record<ReservedLimit, number>> {
  const { cpuMillis, memoryMb, ephemeralStorageMb } = POOL_POD_SIZE;
  return { pods: max, cpuMillis: max * cpuMillis, memoryMb: max * memoryMb, ephemeralStorageMb: max * ephemeralStorageMb };
}

/** Bounds in force for every runtime: what was not named has no pool, and a tenant whose compute is stopped has none at all. */
export function effectiveBounds(runtimes: readonly PoolBounds[], suspension: string): PoolBounds[] {
  return POOL_RUNTIMES.map((runtime) => {
    const stated = suspension === 'compute' ? undefined : runtimes.find((one) => one.runtime === runtime);
    return { runtime, min: stated?.min ?? 0, max: stated?.max ?? 0 };
  });
}

export function poolHolder(runtime: PoolRuntime): string {
  return `pool:${runtime}`;
}
