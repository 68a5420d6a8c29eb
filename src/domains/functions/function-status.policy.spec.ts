import { describe, expect, it } from 'vitest';
import type { Condition, FunctionResource, FunctionStatus } from '../../contract/function-resource.js';
import { firstConditions, progressConditions } from './function-conditions.policy.js';
import { decideStatus, functionSuspension } from './function-status.policy.js';
import { FunctionEntity } from './store/function.entity.js';

const THEN = new Date('2026-01-01T00:00:00Z');
const LATER = '2026-01-01T00:01:00Z';

function row(more: Partial<FunctionEntity> = {}): FunctionEntity {
  return Object.assign(new FunctionEntity(), {
    state: 'active', generation: 3, observedGeneration: 2, targetRevision: 2, servingRevision: 1, replicas: 1, readyReplicas: 1, previousRevision: null, release: {}, rolloutState: { attempt: 2 }, conditions: firstConditions(THEN), ...more,
  });
}

function condition(type: Condition['type'], status: Condition['status'], reason: Condition['reason'], message = ''): Condition {
  return { type, status, reason, message, lastTransitionTime: LATER, observedGeneration: 9 };
}

function told(status: FunctionStatus, target = 2): FunctionResource {
  return { spec: { target }, status } as FunctionResource;
}

const READY = [condition('Ready', 'True', 'Ready', 'fine'), condition('Reconciling', 'False', 'Settled'), condition('Serving', 'True', 'Ready')];
const BUILT = { number: 2, buildState: 'built' } as const;

describe('decideStatus', () => {
  it('takes everything over once the cluster speaks of what is asked for, and ends the operation', () => {
    const decision = decideStatus(row(), BUILT, told({ observedPlatformGeneration: 3, servingRevision: 2, replicas: 4, readyReplicas: 3, conditions: READY }));
    expect(decision.change).toMatchObject({ servingRevision: 2, replicas: 4, readyReplicas: 3, observedGeneration: 3 });
    expect(decision.change!.conditions).toEqual(READY.map(({ observedGeneration: _, ...rest }) => rest));
    expect(decision.outcome).toEqual({ generation: 3, state: 'succeeded' });
  });

  it('of an older generation takes only who serves', () => {
    const before = row();
    const decision = decideStatus(before, BUILT, told({ observedPlatformGeneration: 2, servingRevision: 1, replicas: 2, readyReplicas: 2, conditions: READY }, 1));
    expect(decision.outcome).toBeUndefined();
    expect(decision.change).toMatchObject({ replicas: 2, observedGeneration: 2 });
    expect(decision.change!.conditions.map(({ type, reason }) => [type, reason])).toEqual([['Ready', 'Accepted'], ['Reconciling', 'Accepted'], ['Serving', 'Ready']]);
  });

  it('takes what is said of the metric over whatever else is asked for, and drops it where no metric is followed any more', () => {
    const active = condition('ScalingActive', 'False', 'BrokerUnreachable', 'The broker is away.');
    const taken = decideStatus(row(), BUILT, told({ observedPlatformGeneration: 2, servingRevision: 1, conditions: [...READY, active], scale: { active: true, since: LATER, current: 7 } }, 1)).change!;
    expect(taken.conditions.find(({ type }) => type === 'ScalingActive')).toMatchObject({ reason: 'BrokerUnreachable', message: 'The broker is away.' });
    expect(taken.release.scale).toEqual({ active: true, since: LATER, current: 7 });
    const dropped = decideStatus(row({ conditions: taken.conditions }), BUILT, told({ observedPlatformGeneration: 3, servingRevision: 2, conditions: READY })).change!;
    expect(dropped.conditions.map(({ type }) => type)).toEqual(['Ready', 'Reconciling', 'Serving']);
  });

  it('of another revision does not hide that the target could not be built', () => {
    const conditions = progressConditions(firstConditions(THEN), 'Building', 'x', THEN);
    const decision = decideStatus(row({ conditions }), { number: 2, buildState: 'failed' }, told({ observedPlatformGeneration: 3, servingRevision: 1, conditions: READY }, 1));
    expect(decision.outcome).toBeUndefined();
    expect(decision.change!.conditions[0]).toMatchObject({ type: 'Ready', status: 'False', reason: 'Building' });
  });

  it.each([
    ['nothing was said', row(), {}],
    ['it is older than what was seen', row({ observedGeneration: 3 }), { observedPlatformGeneration: 2, replicas: 9 }],
    ['the function is being deleted', row({ state: 'deleting' }), { observedPlatformGeneration: 3, replicas: 9 }],
  ])('changes nothing when %s', (_, fn, status) => {
    expect(decideStatus(fn, BUILT, told(status))).toEqual({});
  });

  it('changes nothing when all is known, in whatever order the database keeps it', () => {
    const status: FunctionStatus = { observedPlatformGeneration: 3, servingRevision: 2, replicas: 1, readyReplicas: 1, conditions: READY };
    const { change } = decideStatus(row(), BUILT, told(status));
    const stored = change!.conditions.map(({ type, status: is, reason, message, lastTransitionTime }) => ({ lastTransitionTime, message, reason, status: is, type }));
    expect(decideStatus(row({ ...change, conditions: stored }), BUILT, told(status))).toEqual({});
  });

  it.each([
    ['StartupFailed', 'failed'], ['CrashLooping', 'failed'], ['ImagePullFailed', 'failed'], ['QuotaRefused', 'failed'], ['AdmissionRefused', 'failed'], ['OutOfMemory', 'failed'], ['RolloutAborted', 'failed'],
    ['Deploying', undefined], ['Suspended', undefined], ['Unschedulable', undefined], ['RollingOut', undefined], ['RolloutPaused', undefined],
  ] as const)('the reason %s ends the operation as %s', (reason, state) => {
    const { outcome } = decideStatus(row(), BUILT, told({ observedPlatformGeneration: 3, conditions: [condition('Ready', 'False', reason, 'why'), condition('Reconciling', 'True', reason)] }));
    expect(outcome).toEqual(state && { generation: 3, state, reason, message: 'why' });
  });

  it('takes over shares, pods, rollout and scale, also of an older generation', () => {
    const release = {
      traffic: [{ revision: 1, percent: 80 }, { revision: 2, percent: 20 }], revisions: [{ number: 2, replicas: 1, readyReplicas: 1 }],
      rollout: { revision: 2, attempt: 2, phase: 'stepping' as const, step: 1, weight: 20, stable: 1, message: 'a\0b' }, scale: { active: true, since: LATER },
    };
    const { change } = decideStatus(row(), BUILT, told({ observedPlatformGeneration: 2, servingRevision: 1, ...release }, 1));
    expect(change!.release).toEqual({ ...release, rollout: { ...release.rollout, message: 'ab' } });
    expect(decideStatus(row({ ...change }), BUILT, told({ observedPlatformGeneration: 2, servingRevision: 1, replicas: 0, readyReplicas: 0, ...release }, 1))).toEqual({});
  });

  it.each([
    ['another takes its place', 1, 2, null, 1],
    ['the same goes on', 2, 2, 1, 1],
    ['it is the first', null, 2, null, null],
    ['nothing is said', 1, undefined, null, null],
  ])('remembers who served before when %s', (_, servingRevision, now, previousRevision, expected) => {
    const { change } = decideStatus(row({ servingRevision, previousRevision }), BUILT, told({ observedPlatformGeneration: 3, servingRevision: now, conditions: READY }));
    expect(change!.previousRevision).toBe(expected);
  });

  it.each([
    ['it sleeps', {}, 'Idle', 'False'],
    ['it sleeps and is called ready', {}, 'Idle', 'True'],
    ['its owner paused', { attempt: 2, paused: true }, 'RolloutPaused', 'False'],
    ['its owner aborted', { attempt: 2, aborted: true }, 'RolloutAborted', 'False'],
  ] as const)('has come about when %s', (_, rolloutState, reason, status) => {
    const { outcome } = decideStatus(row({ rolloutState: { attempt: 2, ...rolloutState } }), BUILT, told({ observedPlatformGeneration: 3, conditions: [condition('Ready', status, reason)] }));
    expect(outcome).toEqual({ generation: 3, state: 'succeeded' });
  });

  it('keeps what Postgres cannot hold out of messages', () => {
    const { change } = decideStatus(row(), BUILT, told({ observedPlatformGeneration: 3, conditions: [condition('Ready', 'False', 'CrashLooping', 'a\0b\ud800')] }));
    expect(change!.conditions[0]!.message).toBe('ab\ufffd');
  });
});

it.each([['none', 'none'], ['writes', 'none'], ['ingress', 'ingress'], ['compute', 'compute']])('a tenant suspended to %s has functions suspended to %s', (tenant, fn) => {
  expect(functionSuspension(tenant)).toBe(fn);
});
