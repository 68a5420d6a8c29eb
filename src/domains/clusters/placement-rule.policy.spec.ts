import { describe, expect, it } from 'vitest';
import { ruleProblems } from './placement-rule.policy.js';
import { ANYWHERE, type PlacementRule, type PlacementWish } from './placement-states.js';

const CLUSTERS: { region: string; labels: Record<string, string> }[] = [{ region: 'eu', labels: { tier: 'gold' } }, { region: 'eu', labels: {} }, { region: 'us', labels: { tier: 'gold' } }];

describe('a function\'s rule', () => {
  it.each<[string, Partial<PlacementWish>, PlacementRule, string[]]>([
    ['that asks for nothing is met', {}, {}, []],
    ['is met by a region that there is', {}, { regions: ['ap', 'us'] }, []],
    ['is met by as many clusters as it asks for', {}, { regions: ['eu'], clusters: 2 }, []],
    ['names a region that there is not', {}, { regions: ['ap'] }, ['/placement/regions cannot be met: the clusters that the tenant may be on are in eu, us']],
    ['stays within what its tenant asks for', { regions: ['eu'] }, { regions: ['us'] }, ['/placement/regions cannot be met: the clusters that the tenant may be on are in eu']],
    ['cannot be met where its tenant cannot be anywhere', { regions: ['ap'] }, { clusters: 1 }, ['/placement cannot be met: the tenant may be on none of the clusters there are']],
    ['names labels that no cluster has there', { regions: ['eu'] }, { clusterLabels: { tier: 'silver' } }, ['/placement/clusterLabels cannot be met: no cluster that the tenant may be on, in these regions, has all of these labels']],
    ['asks for more clusters than meet it', {}, { clusterLabels: { tier: 'gold' }, clusters: 3 }, ['/placement/clusters must be at most 2: so many clusters meet the rule']],
  ])('%s', (_, wish, rule, expected) => {
    expect(ruleProblems({ ...ANYWHERE, ...wish }, rule, CLUSTERS).map(({ pointer, message }) => `${pointer} ${message}`)).toEqual(expected);
  });
});
