import { describe, expect, it } from 'vitest';
import { clusterConditions, engineCondition, isLost } from './cluster-health.policy.js';

const NOW = new Date('2030-01-01T12:00:00Z');
const ago = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1_000);
const reachable = (status: 'True' | 'False' | 'Unknown', since: number) => [{ type: 'Reachable', status, reason: 'r', message: 'm', lastTransitionTime: ago(since).toISOString() }];

describe('the health of a cluster', () => {
  it.each<[string, Date | null, string | null, string, string]>([
    ['answers', ago(15), null, 'True', 'Answering'],
    ['missed a heartbeat', ago(20), 'timeout', 'Unknown', 'HeartbeatMissed'],
    ['missed several', ago(50), 'timeout', 'False', 'NotAnswering'],
    ['was born a moment ago and did not answer yet', null, 'timeout', 'Unknown', 'HeartbeatMissed'],
  ])('that %s is told', (_, heartbeatAt, failure, status, reason) => {
    expect(clusterConditions({ conditions: [], heartbeatAt, createdAt: ago(5) }, failure, NOW)).toMatchObject([{ type: 'Reachable', status, reason, lastTransitionTime: NOW.toISOString() }]);
  });

  it('is told since when, and is the very same list when nothing changed', () => {
    const before = clusterConditions({ conditions: reachable('True', 600), heartbeatAt: ago(60), createdAt: ago(600) }, 'timeout', NOW);
    expect(before).toMatchObject([{ status: 'False', lastTransitionTime: NOW.toISOString() }]);
    const later = new Date(NOW.getTime() + 15_000);
    expect(clusterConditions({ conditions: before, heartbeatAt: ago(60), createdAt: ago(600) }, 'timeout', later)).toBe(before);
    expect(clusterConditions({ conditions: before, heartbeatAt: ago(60), createdAt: ago(600) }, 'refused', later)).toMatchObject([{ message: 'refused', lastTransitionTime: NOW.toISOString() }]);
  });

  it('says whether Argo Rollouts is there, where it shall step releases', () => {
    const health = reachable('True', 600);
    const missing = engineCondition(health, 'argo', false, NOW);
    expect(missing).toMatchObject([{ type: 'Reachable' }, { type: 'RolloutEngine', status: 'False', reason: 'NotInstalled' }]);
    expect(engineCondition(missing, 'argo', undefined, NOW)).toBe(missing);
    expect(engineCondition(missing, 'argo', true, NOW)).toMatchObject([{ type: 'Reachable' }, { type: 'RolloutEngine', status: 'True', reason: 'Installed' }]);
    expect(engineCondition(missing, 'operator', undefined, NOW)).toEqual(health);
    expect(engineCondition(health, 'operator', undefined, NOW)).toBe(health);
  });

  it.each<[string, Parameters<typeof isLost>[0], boolean]>([
    ['did not answer for long', { conditions: reachable('False', 130), message: 'timeout', attemptedAt: ago(3), heartbeatAt: ago(190) }, true],
    ['did not answer for a while', { conditions: reachable('False', 100), message: 'timeout', attemptedAt: ago(3), heartbeatAt: ago(160) }, false],
    ['answers again', { conditions: reachable('False', 600), message: null, attemptedAt: ago(3), heartbeatAt: ago(3) }, false],
    ['nobody asked since the workers were down', { conditions: reachable('False', 600), message: 'timeout', attemptedAt: ago(300), heartbeatAt: ago(900) }, false],
    ['is in doubt', { conditions: reachable('Unknown', 600), message: 'timeout', attemptedAt: ago(3), heartbeatAt: ago(30) }, false],
    ['nobody ever asked', { conditions: [], message: null, attemptedAt: null, heartbeatAt: null }, false],
  ])('that %s: lost is as expected', (_, cluster, expected) => {
    expect(isLost(cluster, NOW)).toBe(expected);
  });
});
