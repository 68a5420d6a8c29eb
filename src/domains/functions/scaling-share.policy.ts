import type { EffectiveScaling } from './function-body.js';

/** Which of the parts that a function's pods are divided into. */
export interface ScalingShare {
  /** From 0. */
  index: number;
  of: number;
}

/**
 * A cluster's share of a function's pods: `min` and `max` are those of the function as a whole and are divided evenly, the first clusters taking what is over. Each has
 * at least one (none always ready where the function sleeps), so that it can serve by itself; a function that is only where its tenant is may thereby have one pod a cluster more
 * than `max` where that is smaller than the number of clusters.
 */
export function shareOfScaling(scaling: EffectiveScaling, { index, of }: ScalingShare): EffectiveScaling {
  const part = (pods: number): number => Math.floor(pods / of) + (index < pods % of ? 1 : 0);
  return { ...scaling, min: scaling.min === 0 ? 0 : Math.max(1, part(scaling.min)), max: Math.max(1, part(scaling.max)) };
}

interface Standing {
  clusterId: string;
  state: string;
}

/**
 * The share of each place where a function stands. While one is being prepared, those that serve keep what they have, and it gets what it will have in the end: nobody gives
 * up pods before another one has them. What is left meanwhile is the surge of the move.
 */
export function sharesOf(places: readonly Standing[]): Map<string, ScalingShare> {
  const inState = (...states: string[]): string[] => places.filter(({ state }) => states.includes(state)).map(({ clusterId }) => clusterId).sort();
  const [goal, serving, active] = [inState('active', 'pending'), inState('active', 'leaving'), inState('active')];
  const moving = goal.length > active.length;
  return new Map(places.map(({ clusterId, state }) => {
    const among = state === 'pending' ? goal : state === 'active' && !moving ? active : serving;
    return [clusterId, { index: Math.max(0, among.indexOf(clusterId)), of: Math.max(1, among.length) }];
  }));
}
