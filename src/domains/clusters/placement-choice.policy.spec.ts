import { describe, expect, it } from 'vitest';
import { choosePlacements, type ClusterCandidate, type PresentPlacement } from './placement-choice.policy.js';
import { ANYWHERE, type PlacementRule, type PlacementState, type PlacementWish } from './placement-states.js';

const BORN = Date.parse('2030-01-01T00:00:00Z');
const CAPACITY = { cpuMillis: 1_000, memoryMb: 1_000, pods: 10 };

/** Named in the order of their age. */
function cluster(name: string, more: Partial<ClusterCandidate> = {}): ClusterCandidate {
  return {
    id: name, name, region: 'eu', labels: {}, state: 'active', reachable: true, lost: false, capacity: null, use: { tenants: 0, cpuMillis: 0, memoryMb: 0, pods: 0 },
    createdAt: new Date(BORN + name.charCodeAt(0)), ...more,
  };
}

const used = (cpuMillis: number): Partial<ClusterCandidate> => ({ capacity: CAPACITY, use: { tenants: 1, cpuMillis, memoryMb: 0, pods: 0 } });
const at = (clusterId: string, state: PlacementState = 'active'): PresentPlacement => ({ clusterId, state });

describe('the choice of clusters for a tenant', () => {
  it.each<[string, Partial<PlacementWish>, ClusterCandidate[], PresentPlacement[], string[], number]>([
    ['the oldest that takes tenants', {}, [cluster('b'), cluster('a')], [], ['a'], 0],
    ['none where there is none', {}, [], [], [], 1],
    ['one of the regions asked for', { regions: ['us', 'ap'] }, [cluster('a'), cluster('b', { region: 'ap' })], [], ['b'], 0],
    ['one with all the labels asked for', { clusterLabels: { tier: 'gold', disk: 'ssd' } }, [cluster('a', { labels: { tier: 'gold' } }), cluster('b', { labels: { tier: 'gold', disk: 'ssd', more: 'x' } })], [], ['b'], 0],
    ['as many as are asked for', { clusters: 2 }, [cluster('a'), cluster('b'), cluster('c')], [], ['a', 'b'], 0],
    ['as many as there are', { clusters: 3 }, [cluster('a'), cluster('b')], [], ['a', 'b'], 1],
    ['none that is cordoned, drained or does not answer', {}, [cluster('a', { state: 'cordoned' }), cluster('b', { state: 'draining' }), cluster('c', { reachable: false }), cluster('d')], [], ['d'], 0],
    ['none that is full', {}, [cluster('a', used(1_000)), cluster('b', used(999))], [], ['b'], 0],
    ['none without any capacity', {}, [cluster('a', { capacity: { cpuMillis: 0, memoryMb: 0, pods: 0 } })], [], [], 1],
    ['the one with least reserved', {}, [cluster('a', used(500)), cluster('b', used(100))], [], ['b'], 0],
    ['the older one of two that are about as full', {}, [cluster('a', used(140)), cluster('b', used(110))], [], ['a'], 0],
    ['where the tenant is, though others have more room', {}, [cluster('a'), cluster('b', used(900))], [at('b')], ['b'], 0],
    ['where the tenant is, though it is cordoned, full and does not answer for a moment', {}, [cluster('a'), cluster('b', { ...used(2_000), state: 'cordoned', reachable: false })], [at('b')], ['b'], 0],
    ['another one when where the tenant is is drained', {}, [cluster('a', { state: 'draining' }), cluster('b')], [at('a')], ['b'], 0],
    ['another one when where the tenant is is lost', {}, [cluster('a', { lost: true, reachable: false }), cluster('b')], [at('a')], ['b'], 0],
    ['another one when the region asked for is another', { regions: ['us'] }, [cluster('a'), cluster('b', { region: 'us' })], [at('a')], ['b'], 0],
    ['the one it is leaving, when that will do again', {}, [cluster('a'), cluster('b')], [at('a', 'leaving'), at('b', 'pending')], ['a'], 0],
    ['what is verified before what is being prepared', {}, [cluster('a'), cluster('b')], [at('a', 'pending'), at('b')], ['b'], 0],
    ['none where something is still to be taken away', {}, [cluster('a'), cluster('b')], [at('a', 'orphaned')], ['b'], 0],
    ['none into whose rest what the tenant has reserved does not fit', {}, [cluster('a', { ...used(600), own: { cpuMillis: 500 } }), cluster('b', { ...used(600), own: { cpuMillis: 400 } })], [], ['b'], 0],
    ['where the tenant is for all of its functions before where it is for some', {}, [cluster('a'), cluster('b')], [{ ...at('a'), wantedBy: 'functions' }, at('b')], ['b'], 0],
    ['both of two, and one more', { clusters: 2 }, [cluster('a'), cluster('b', { lost: true }), cluster('c')], [at('a'), at('b')], ['a', 'c'], 0],
  ])('is %s', (_, wish, candidates, present, chosen, missing) => {
    const choice = choosePlacements({ ...ANYWHERE, ...wish }, candidates, present);
    expect({ chosen: choice.chosen, missing: choice.missing }).toEqual({ chosen, missing });
    expect(choosePlacements({ ...ANYWHERE, ...wish }, [...candidates].reverse(), present)).toEqual(choice);
  });

  it.each<[string, PlacementRule, ClusterCandidate[], PresentPlacement[], PresentPlacement[], string[], number]>([
    ['where its tenant is', {}, [cluster('a'), cluster('b')], [at('b')], [], ['b'], 0],
    ['within the regions of both', { regions: ['eu', 'us'] }, [cluster('a', { region: 'ap' }), cluster('b', { region: 'us' })], [at('a')], [], ['b'], 0],
    ['on as many as it says', { clusters: 2 }, [cluster('a'), cluster('b'), cluster('c')], [at('c')], [], ['c', 'a'], 0],
    ['on as many as there are, when it says how many', { clusters: 3 }, [cluster('a'), cluster('b')], [], [], ['a', 'b'], 1],
    ['where it is, though its tenant is elsewhere', {}, [cluster('a'), cluster('b')], [at('a'), at('b')], [at('b')], ['b'], 0],
    ['where its tenant is, though that is cordoned and full', {}, [cluster('a', { ...used(1_000), state: 'cordoned' })], [at('a')], [], ['a'], 0],
    ['nowhere where its cluster does not answer and it is not there yet', {}, [cluster('a', { reachable: false })], [at('a')], [], [], 1],
    ['nowhere while its tenant is still being taken away', {}, [cluster('a')], [at('a', 'deleting')], [], [], 1],
    ['nowhere while it is still being taken away itself', {}, [cluster('a')], [at('a')], [at('a', 'orphaned')], [], 1],
  ])('of one function is %s', (_, rule, candidates, present, places, chosen, missing) => {
    const choice = choosePlacements({ ...ANYWHERE, regions: ['eu', 'us'] }, candidates, present, { rule, places });
    expect({ chosen: choice.chosen, missing: choice.missing }).toEqual({ chosen, missing });
  });

  it('of one function that does not say how many is content with fewer than its tenant asks for', () => {
    const { chosen, missing, verdicts } = choosePlacements({ ...ANYWHERE, clusters: 2 }, [cluster('a'), cluster('b', { region: 'us' })], [at('a'), at('b')], { rule: { regions: ['us'] }, places: [] });
    expect([chosen, missing, verdicts.map(({ clusterName, message }) => `${clusterName}: ${message}`)]).toEqual([['b'], 0, ['b: It meets what is asked for, and 0 % of its capacity is reserved.', 'a: Its region is eu; the function asks for us.']]);
  });

  it('explains itself for every cluster', () => {
    const { verdicts } = choosePlacements({ regions: ['eu'], clusterLabels: { tier: 'gold' }, clusters: 1 }, [
      cluster('a', { region: 'us', labels: { tier: 'gold' } }), cluster('b'), cluster('c', { labels: { tier: 'gold' } }), cluster('d', { labels: { tier: 'gold' }, ...used(400) }),
      cluster('e', { labels: { tier: 'gold' }, ...used(1_000) }),
    ], []);
    expect(verdicts.map(({ clusterName, verdict, reason, message }) => [clusterName, verdict, reason, message])).toEqual([
      ['c', 'chosen', 'LeastReserved', 'It meets what is asked for, and 0 % of its capacity is reserved.'],
      ['d', 'spare', 'NotNeeded', 'It would do; the tenant is on 1 cluster, and others come first.'],
      ['a', 'excluded', 'OtherRegion', 'Its region is us; the tenant asks for eu.'],
      ['b', 'excluded', 'OtherLabels', 'It is not labelled tier=gold.'],
      ['e', 'excluded', 'Full', 'Its capacity is reserved.'],
    ]);
  });
});
