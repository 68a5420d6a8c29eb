import type { FieldProblem } from '../../platform/errors/domain-error.js';
import { meets } from './placement-choice.policy.js';
import type { PlacementRule, PlacementWish } from './placement-states.js';

interface Traits {
  region: string;
  labels: Readonly<Record<string, string>>;
}

/** Named in words: enough to find the right one. */
const MOST_NAMED = 20;

/**
 * What of a function's rule no cluster there is can meet, whatever state the clusters are in: a region or a label that none of those has that the tenant may be on,
 * more clusters than meet it. What may pass (a cluster is full, drained, does not answer) refuses nothing. Pure.
 */
export function ruleProblems(wish: PlacementWish, rule: PlacementRule, clusters: readonly Traits[]): FieldProblem[] {
  const within = clusters.filter((cluster) => meets(wish, cluster));
  const inRegion = within.filter((cluster) => meets({ regions: rule.regions }, cluster));
  if (inRegion.length === 0) {
    const regions = [...new Set(within.map(({ region }) => region))].sort().slice(0, MOST_NAMED);
    const have = regions.length === 0 ? 'the tenant may be on none of the clusters there are' : `the clusters that the tenant may be on are in ${regions.join(', ')}`;
    return [{ pointer: rule.regions?.length ? '/placement/regions' : '/placement', message: `cannot be met: ${have}` }];
  }
  const meeting = inRegion.filter((cluster) => meets(rule, cluster));
  if (meeting.length === 0) return [{ pointer: '/placement/clusterLabels', message: 'cannot be met: no cluster that the tenant may be on, in these regions, has all of these labels' }];
  if (rule.clusters === undefined || rule.clusters <= meeting.length) return [];
  return [{ pointer: '/placement/clusters', message: `must be at most ${meeting.length}: so many clusters meet the rule` }];
}
