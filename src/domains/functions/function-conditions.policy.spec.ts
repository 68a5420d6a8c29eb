import { describe, expect, it } from 'vitest';
import type { Condition } from '../../contract/function-resource.js';
import { acceptedConditions, deletingConditions, failedConditions, firstConditions, progressConditions } from './function-conditions.policy.js';

const FIRST = new Date('2026-01-01T00:00:00Z');
const LATER = new Date('2026-01-01T00:01:00Z');
const brief = (conditions: readonly Condition[]) => conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
const READY: Condition[] = [
  { type: 'Ready', status: 'True', reason: 'Ready', message: '', lastTransitionTime: FIRST.toISOString() },
  { type: 'Reconciling', status: 'False', reason: 'Settled', message: '', lastTransitionTime: FIRST.toISOString() },
  { type: 'Serving', status: 'True', reason: 'Ready', message: '', lastTransitionTime: FIRST.toISOString() },
];

describe('conditions', () => {
  it.each<[string, Condition[], string[]]>([
    ['a new function', firstConditions(LATER), ['Ready=False Accepted', 'Reconciling=True Accepted', 'Serving=False NoRevision']],
    ['a new revision of one that serves', acceptedConditions(READY, true, LATER), ['Ready=False Accepted', 'Reconciling=True Accepted', 'Serving=True Ready']],
    ['new settings of one that serves', acceptedConditions(READY, false, LATER), ['Ready=True Ready', 'Reconciling=True Accepted', 'Serving=True Ready']],
    ['work on one that is not ready', progressConditions(firstConditions(FIRST), 'Building', 'x', LATER), ['Ready=False Building', 'Reconciling=True Building', 'Serving=False NoRevision']],
    ['work on one that is ready', progressConditions(READY, 'ClusterUnreachable', 'x', LATER), ['Ready=True Ready', 'Reconciling=True ClusterUnreachable', 'Serving=True Ready']],
    ['a failure', failedConditions(READY, 'BuildFailed', 'x', LATER), ['Ready=False BuildFailed', 'Reconciling=False Settled', 'Serving=True Ready']],
    ['a deletion', deletingConditions(READY, 'x', LATER), ['Ready=False Deleting', 'Reconciling=True Deleting', 'Serving=True Ready']],
  ])('of %s tell the truth', (_, conditions, expected) => {
    expect(brief(conditions)).toEqual(expected);
  });

  it('change their time only with their status', () => {
    const failed = failedConditions(READY, 'BuildFailed', 'x', LATER);
    expect(failed.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([LATER.toISOString(), FIRST.toISOString(), FIRST.toISOString()]);
  });

  it('are no longer than an answer holds', () => {
    expect(failedConditions(READY, 'BuildFailed', 'x'.repeat(10_000), LATER)[0]!.message).toHaveLength(4_000);
  });
});
