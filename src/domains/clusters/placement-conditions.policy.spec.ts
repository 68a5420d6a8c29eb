import { describe, expect, it } from 'vitest';
import type { StatusCondition } from '../../platform/kubernetes/conditions.js';
import { isReachable } from './cluster-health.policy.js';
import { clusterUnreachable, moveConditions, namespaceNotOurs, noCluster, placementConditions } from './placement-conditions.policy.js';

const NOW = new Date('2030-01-01T00:00:00Z');

describe('conditions of a placement', () => {
  it('say what is wrong and when that began', () => {
    const conditions = placementConditions([], namespaceNotOurs('east'), NOW);
    expect(conditions).toMatchObject([{ type: 'Ready', status: 'False', reason: 'NamespaceNotOurs', lastTransitionTime: NOW.toISOString() }]);
    expect(conditions[0]!.message).toContain('east');
    const still = placementConditions(conditions, clusterUnreachable('east'), new Date(NOW.getTime() + 5_000));
    expect(still).toMatchObject([{ reason: 'ClusterUnreachable', lastTransitionTime: NOW.toISOString() }]);
    expect(placementConditions(still, undefined, new Date(NOW.getTime() + 9_000))).toMatchObject([{ status: 'True', reason: 'Ready', lastTransitionTime: '2030-01-01T00:00:09.000Z' }]);
  });

  it('are the very same list when nothing changed, so that nothing is written', () => {
    const before: StatusCondition[] = placementConditions([], noCluster(), NOW);
    expect(placementConditions(before, noCluster(), new Date())).toBe(before);
  });
});

describe('a placement on its way', () => {
  it.each([
    ['pending', null, 'Preparing', /being set up/],
    ['pending', { total: 3, ready: 1, waiting: [{ name: 'orders', message: 'it does not serve yet' }] }, 'Preparing', /^1 of 3 functions are ready here; waiting for orders \(it does not serve yet\)\.$/],
    ['leaving', null, 'WaitingForReplacement', /as soon as everything is ready/],
    ['deleting', null, 'Deleting', /taken away/],
    ['orphaned', null, 'WaitingForCluster', /does not answer/],
  ] as const)('that is %s says so', (state, workloads, reason, words) => {
    const conditions = moveConditions([], state, workloads && { ...workloads, waiting: [...workloads.waiting] }, NOW);
    expect(conditions).toMatchObject([{ type: 'Settled', status: 'False', reason, message: expect.stringMatching(words) }]);
    expect(moveConditions(conditions, state, workloads && { ...workloads, waiting: [...workloads.waiting] }, new Date())).toBe(conditions);
    expect(moveConditions(conditions, 'active', null, NOW)).toMatchObject([{ status: 'True', reason: 'Settled' }]);
  });

  it('says nothing where it never moved', () => {
    const before: StatusCondition[] = [];
    expect(moveConditions(before, 'active', null, NOW)).toBe(before);
  });
});

describe('a cluster', () => {
  it.each([
    ['answered a moment ago', { heartbeatAt: new Date(NOW.getTime() - 10_000), message: null }, true],
    ['answered long ago', { heartbeatAt: new Date(NOW.getTime() - 60_000), message: null }, false],
    ['did not answer the last time', { heartbeatAt: new Date(NOW.getTime() - 10_000), message: 'timeout' }, false],
    ['never answered', { heartbeatAt: null, message: null }, false],
  ])('that %s: reachable is %s', (_, cluster, expected) => {
    expect(isReachable(cluster, NOW)).toBe(expected);
  });
});
