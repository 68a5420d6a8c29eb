import type { RolloutStatus, TrafficShare } from '../../contract/function-resource.js';
import type { HeldRule } from './traffic.policy.js';

/** Words for the function's owner about who gets the requests. */

export function podWords(ready: number, needed: number): string {
  return `${ready} of ${needed} ${needed === 1 ? 'pod' : 'pods'}`;
}

/** `Revisions 1 (80 %) and 2 (20 %) answer requests.` */
export function servingWords(traffic: readonly TrafficShare[], serving: number): string {
  const shares = traffic.filter(({ percent }) => percent > 0);
  if (shares.length < 2) return `Revision ${serving} answers requests.`;
  const words = shares.map(({ revision, percent }) => `${revision} (${percent} %)`);
  return `Revisions ${words.slice(0, -1).join(', ')} and ${words.at(-1)} answer requests.`;
}

/** Where a rollout stands, and what it waits for. */
export function progressWords(rollout: RolloutStatus, due: number, target: { currentReady: number; needed: number }): string {
  const has = rollout.weight === 0 ? `Revision ${rollout.revision} has no requests yet` : `Revision ${rollout.revision} has ${rollout.weight} % of the requests`;
  if (rollout.phase === 'aborted') return `${has}; revision ${rollout.stable} gets them as soon as its pods are ready.`;
  const pods = podWords(target.currentReady, target.needed);
  return rollout.phase === 'waiting' ? `${has}; for ${due} % it needs more pods: ${pods} ready.` : `${has}; ${pods} ready.`;
}

/** Rules that do not hold yet, and who has their requests meanwhile. */
export function heldWords(held: readonly HeldRule[], serving: number | undefined): string {
  return held.map(({ revision, percent, granted, ready, needed }) => {
    const wanted = percent === 0 ? 'be reached at its tag' : `have ${percent} % of the requests`;
    const rest = serving === undefined || percent === 0 ? '' : ` Revision ${serving} keeps the rest.`;
    return `Revision ${revision} shall ${wanted}${granted > 0 ? ` and has ${granted} %` : ''}; ${podWords(ready, needed)} ready.${rest}`;
  }).join('\n');
}
