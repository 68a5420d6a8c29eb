import type { PoolRuntime } from '../../contract/pool-resource.js';
import { DEMAND_WINDOW_MS } from './demand.policy.js';

/** More tell nothing new: no pool is larger than a few dozen. */
const MOST_CLAIMS = 500;

/** Claims of the last minutes, by pool and runtime. In memory: a new leader begins with the least and learns. */
export class PoolDemand {
  private readonly claims = new Map<string, number[]>();

  record(namespace: string, runtime: PoolRuntime, now = Date.now()): void {
    const key = `${namespace}/${runtime}`;
    const recent = (this.claims.get(key) ?? []).filter((at) => at > now - DEMAND_WINDOW_MS).slice(1 - MOST_CLAIMS);
    recent.push(now);
    this.claims.set(key, recent);
  }

  of(namespace: string, runtime: PoolRuntime): readonly number[] {
    return this.claims.get(`${namespace}/${runtime}`) ?? [];
  }

  forget(namespace: string): void {
    for (const key of this.claims.keys()) if (key.startsWith(`${namespace}/`)) this.claims.delete(key);
  }
}
