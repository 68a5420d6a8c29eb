import { Daemons, DAEMONS } from './daemons.ts';
import { type Layout, layoutOf } from './layout.ts';
import { readState } from './state.ts';
import { type ClusterFacts, type ClusterOptions, factsOf, isHealthy } from './up.ts';

export interface ClusterStatus extends Partial<ClusterFacts> {
  readonly healthy: boolean;
  readonly data: string;
  /** Each daemon's process id, or null where it does not run. */
  readonly processes: Record<string, number | null>;
}

/** What of the cluster runs. Changes nothing. */
export async function clusterStatus(options: ClusterOptions = {}): Promise<ClusterStatus> {
  const layout: Layout = layoutOf(options.data);
  const state = readState(layout.stateFile);
  const daemons = new Daemons(layout, state);
  const processes = Object.fromEntries(DAEMONS.map((name) => [name, daemons.alive(name) ? (state.processes[name]?.pid ?? null) : null]));
  const facts = state.ports && state.nodeIp ? factsOf(layout, state, {}) : {};
  return { healthy: await isHealthy(layout, state), data: layout.data, ...facts, processes };
}
