import { beforeEach, describe, expect, test } from 'vitest';
import type { FunctionResource, FunctionSpec, RolloutSpec } from '../../contract/function-resource.js';
import { POOL_LABEL } from '../../contract/pool-resource.js';
import type { Deployment, Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { rolloutEvents } from '../rollout/rollout.events.js';
import { buildStatus } from './function-status.plan.js';
import { DRAIN_MS } from '../rollout/rollout.policy.js';
import { planFunction } from './function.plan.js';
import { deploymentApply } from './workloads.plan.js';
import { buildDeployment } from './manifests/deployment.js';
import { functionOf, IMAGE, NOTHING, NOW, podOf } from './testing/observed.js';
import { SmallWorld } from './testing/small-world.js';
import { revision } from './testing/test-tenant.js';

const both = [revision(1, IMAGE), revision(2, IMAGE)];
const CANARY: RolloutSpec = { strategy: 'canary', attempt: 2, steps: [{ setWeight: 20 }, { pause: { seconds: 60 } }, { setWeight: 60 }, { pause: {} }] };

let world: SmallWorld;

/** Revision 1 serves with two pods. */
beforeEach(() => {
  world = new SmallWorld({ scaling: { min: 2, max: 4 } });
  world.settle();
  expect(world.short).toBe('main 1, own -, traffic 1:100, pods 1:2');
});

function second(rollout: RolloutSpec, more: Partial<FunctionSpec> = {}): void {
  world.deploy({ target: 2, revisions: both, rollout, ...more });
}

describe('a canary', () => {
  test('goes by its steps, with an address for each side, and leaves nothing behind', () => {
    world.readyAtMost.set(2, 0);
    second(CANARY);
    expect(world.settle()).toEqual(['apply Deployment shop-r00002', 'apply Service shop---r00001', 'apply Service shop---r00002']);
    expect(world.short).toBe('main 1, own 1 2, traffic 1:100, pods 1:2 2:1');
    expect(world.condition()).toBe('False RollingOut: Revision 2 has no requests yet; for 20 % it needs more pods: 0 of 1 pod ready.\nRevision 1 keeps serving.');

    world.readyAtMost.delete(2);
    world.reconcile();
    expect(world.settle()).toEqual([]);
    expect(world.short).toBe('main 1, own 1 2, traffic 1:80 2:20, pods 1:2 2:1');
    expect(world.condition()).toBe('False RolloutPaused: Paused at step 2 of 4 for 60 s. Revision 2 has 20 % of the requests; 1 of 1 pod ready.');
    expect(world.condition('Serving')).toBe('True Ready: Revisions 1 (80 %) and 2 (20 %) answer requests.');

    expect(world.wait()).toBe(60_000);
    expect(world.settle()).toEqual(['apply Deployment shop-r00002', 'apply Service shop']);
    expect(world.short).toBe('main 2, own 1 2, traffic 2:60 1:40, pods 1:2 2:2');
    expect(world.fn.status).toMatchObject({ servingRevision: 2, revisions: [{ number: 1, replicas: 2, readyReplicas: 2 }, { number: 2, replicas: 2, readyReplicas: 2 }] });

    world.now += 1_000;
    second({ ...CANARY, resumedStep: 4 });
    expect(world.settle()).toEqual(['apply Service shop']);
    expect(world.condition()).toBe('True Ready: Revision 2 serves; 2 of 2 pods ready.');
    expect(world.short).toBe('main 2, own 1 2, traffic 2:100, pods 1:2 2:2');
    expect(world.wait()).toBe(DRAIN_MS);
    expect(world.settle().sort()).toEqual(['remove Deployment shop-r00001', 'remove Service shop---r00001', 'remove Service shop---r00002']);
    expect(world.short).toBe('main 2, own -, traffic 2:100, pods 2:2');
    expect(planFunction(world.fn, world.observed, world.now)).toMatchObject({ applies: [], removals: [], settled: true, againAfterMs: undefined });
  });

  test('that is ended loses its pods when they are drained, and says why', () => {
    second(CANARY);
    world.settle();
    expect(world.short).toContain('traffic 1:80 2:20');
    world.context = { verdict: '12 % of the answers of revision 2 were 5xx; at most 5 % are allowed.' };
    expect(world.settle()).toEqual(['apply Service shop']);
    expect(world.short).toBe('main 1, own 1 2, traffic 1:100, pods 1:2 2:1');
    expect(world.condition()).toBe('False RolloutAborted: The rollout of revision 2 was ended. 12 % of the answers of revision 2 were 5xx; at most 5 % are allowed.');
    expect(world.condition('Reconciling')).toBe('False RolloutAborted: Nothing is left to do: a new deploy or another attempt goes on.');
    world.context = {};
    world.wait();
    world.settle();
    expect(world.short).toBe('main 1, own -, traffic 1:100, pods 1:2');
    expect(world.fn.status?.rollout).toMatchObject({ phase: 'aborted', weight: 0 });

    second({ ...CANARY, attempt: 3 });
    world.settle();
    expect(world.short).toBe('main 1, own 1 2, traffic 1:80 2:20, pods 1:2 2:1');
    expect(world.fn.status?.rollout).toMatchObject({ attempt: 3, phase: 'paused' });
  });

  test('outlives another target, beside the same stable revision', () => {
    second(CANARY);
    world.settle();
    world.wait();
    world.settle();
    expect(world.short).toContain('traffic 2:60 1:40');
    world.deploy({ target: 3, revisions: [...both, revision(3, IMAGE)], rollout: { ...CANARY, attempt: 3 } });
    world.settle();
    expect(world.short).toBe('main 1, own 1 2 3, traffic 1:80 3:20, pods 1:2 2:2 3:1');
    world.now += DRAIN_MS;
    world.settle();
    expect(world.short).toBe('main 1, own 1 3, traffic 1:80 3:20, pods 1:2 3:1');
    expect(world.fn.status?.rollout).toMatchObject({ revision: 3, stable: 1 });
  });

  test('is rolled back at once', () => {
    second(CANARY);
    world.settle();
    world.wait();
    world.settle();
    world.deploy({ target: 1, rollout: { strategy: 'all-at-once', attempt: 3 } });
    world.reconcile();
    expect(world.short).toContain('main 1, own 1 2, traffic 1:100');
    expect(world.condition()).toBe('True Ready: Revision 1 serves; 2 of 2 pods ready.');
  });

  test('whose status was lost keeps every request answered, and begins anew', () => {
    second(CANARY);
    world.settle();
    world.fn = functionOf(world.fn.spec);
    world.settle();
    expect(world.short).toBe('main 1, own 1 2, traffic 1:80 2:20, pods 1:2 2:1');
    expect(world.fn.status?.rollout).toMatchObject({ stable: 1, step: 1, weight: 20 });
  });

  test('stands still while the function is suspended, and goes on afterwards', () => {
    second(CANARY);
    world.settle();
    const before = world.fn.status?.rollout;
    world.deploy({ suspension: 'compute' });
    world.settle();
    expect(world.short).toBe('main 1, own 1 2, traffic 1:80 2:20, pods 1:0 2:0');
    expect(world.fn.status?.rollout).toEqual(before);
    world.deploy({ suspension: 'none' });
    world.settle();
    expect(world.short).toBe('main 1, own 1 2, traffic 1:80 2:20, pods 1:2 2:1');
  });

  test('tells each step once', () => {
    const told: string[] = [];
    const look = (): void => {
      for (let round = 0; round < 4; round += 1) {
        const before = world.fn.status;
        world.reconcile();
        told.push(...rolloutEvents(before, world.fn.status ?? {}).map(({ reason, message }) => `${reason}: ${message}`));
      }
    };
    second(CANARY);
    look();
    world.wait();
    look();
    second({ ...CANARY, resumedStep: 4 });
    look();
    expect(told).toEqual([
      'RolloutStep: Revision 2 has 20 % of the requests.', 'RolloutPaused: Paused at step 2 of 4 for 60 s.',
      'RolloutStep: Revision 2 has 60 % of the requests.', 'RolloutPaused: Paused at step 4 of 4 until its owner resumes it.',
      'RolloutCompleted: Revision 2 has all requests of its rollout.',
    ]);
    world.deploy({ target: 1, rollout: { ...CANARY, attempt: 3 } });
    look();
    world.deploy({ rollout: { ...CANARY, attempt: 3, aborted: true } });
    look();
    expect(told.slice(5)).toEqual([
      'RolloutStep: Revision 1 has 20 % of the requests.', 'RolloutPaused: Paused at step 2 of 4 for 60 s.',
      'RolloutAborted: The rollout of revision 1 was ended. Ended by its owner: revision 2 has the requests.',
    ]);
  });
});

describe('blue-green', () => {
  const GREEN: RolloutSpec = { strategy: 'blue-green', attempt: 2 };

  test('has its preview beside, takes all at once, and leaves the one before for half a minute', () => {
    second(GREEN);
    world.settle();
    expect(world.short).toBe('main 1, own 2, traffic 1:100 2:0#preview, pods 1:2 2:2');
    expect(world.condition()).toBe('False RolloutPaused: Stands beside revision 1 until its owner promotes it. Revision 2 has no requests yet; 2 of 2 pods ready.');
    second({ ...GREEN, promoted: true });
    world.settle();
    expect(world.short).toContain('main 2, own 2, traffic 2:100, pods 1:2 2:2');
    world.now += DRAIN_MS;
    world.settle();
    expect(world.short).toBe('main 2, own -, traffic 2:100, pods 1:2 2:2');

    second({ ...GREEN, promoted: true, aborted: true });
    world.settle();
    expect(world.short).toContain('main 1');
    second({ ...GREEN, attempt: 3, promoted: true });
    world.settle();
    expect(world.short).toContain('main 2');
    world.now += 30_000;
    world.settle();
    expect(world.short).toBe('main 2, own -, traffic 2:100, pods 2:2');
  });
});

describe('rules of the traffic', () => {
  test('hold when their revision can bear them; until then the last good one answers, and the cause is named', () => {
    world.readyAtMost.set(2, 0);
    world.deploy({ revisions: both, traffic: [{ percent: 70 }, { revision: 2, percent: 30, tag: 'next' }] });
    world.settle();
    expect(world.short).toBe('main 1, own -, traffic 1:100, pods 1:2 2:1');
    expect(world.condition()).toBe('False RollingOut: Revision 2 shall have 30 % of the requests; 0 of 1 pod ready. Revision 1 keeps the rest.');
    world.readyAtMost.delete(2);
    world.settle();
    expect(world.short).toBe('main 1, own 2, traffic 1:70 2:30#next, pods 1:2 2:1');
    expect(world.condition()).toBe('True Ready: Revision 1 serves; 2 of 2 pods ready.');
    world.deploy({ traffic: [{ percent: 100 }] });
    world.settle();
    world.now += DRAIN_MS;
    world.settle();
    expect(world.short).toBe('main 1, own -, traffic 1:100, pods 1:2');
  });

  test('that name every revision leave a target without any in peace', () => {
    second({ strategy: 'canary', attempt: 2, steps: [] }, { traffic: [{ revision: 1, percent: 100 }] });
    world.settle();
    expect(world.short).toBe('main 1, own -, traffic 1:100, pods 1:2');
    expect(world.condition()).toBe('True Ready: The requests go as the rules of the traffic say. Revision 1 answers requests.');
    expect(world.fn.status).not.toHaveProperty('rollout');
    world.deploy({ traffic: [{ percent: 100 }] });
    world.settle();
    expect(world.fn.status?.rollout).toMatchObject({ revision: 2, stable: 1, phase: 'completed' });
  });

  test('and a rollout share what is left to it', () => {
    world.deploy({ target: 2, revisions: [...both, revision(3, IMAGE)], rollout: CANARY, traffic: [{ percent: 50 }, { revision: 3, percent: 50 }] });
    world.settle();
    expect(world.short).toBe('main 3, own 1 2, traffic 3:50 1:40 2:10, pods 1:2 2:1 3:1');
  });
});

describe('an autoscaler\'s number of pods', () => {
  const fn = functionOf();
  const free = buildDeployment(fn, revision(1, IMAGE), undefined);
  const stored = (manifest: Deployment, replicas: number): Deployment => ({ ...manifest, spec: { ...manifest.spec, replicas } as Deployment['spec'] });
  const plan = (deployment: Deployment) => deploymentApply(free, { ...NOTHING, deployments: [deployment] });

  test('is not named, and no difference', () => {
    expect(free.spec).not.toHaveProperty('replicas');
    const fixed = buildDeployment(fn, revision(1, IMAGE), 3);
    expect(fixed.spec?.template).toEqual(free.spec?.template);
  });

  test('is held when the operator gives it up, so that it does not fall back to one pod', () => {
    expect(plan(stored(buildDeployment(fn, revision(1, IMAGE), 5), 5))).toMatchObject({ handOver: 5 });
    expect(plan(stored(free, 7))).not.toHaveProperty('handOver');
  });
});

describe('the greatest age of pods', () => {
  const running = (fn: FunctionResource, more: Partial<Pod> = {}): Pod => ({ ...podOf(fn, 1, { ready: true }), ...more });

  test.each<[string, number | undefined, number | undefined, number[]]>([
    ['is set where none is', 600, undefined, [600]],
    ['is lowered', 600, 900, [600]],
    ['is never raised: Kubernetes refuses it', 600, 300, []],
    ['stands', 600, 600, []],
    ['is not asked for', undefined, undefined, []],
  ])('%s', (_what, maxLifetimeSeconds, present, expected) => {
    const fn = functionOf({ scaling: { min: 1, max: 1, ...(maxLifetimeSeconds === undefined ? {} : { maxLifetimeSeconds }) } });
    const pod = running(fn, present === undefined ? {} : { spec: { activeDeadlineSeconds: present } as Pod['spec'] });
    expect(planFunction(fn, { ...NOTHING, pods: [pod] }, NOW).deadlines.map(({ seconds }) => seconds)).toEqual(expected);
  });

  test('is no failure when it is reached: the pod goes, and counts for nothing', () => {
    const fn = functionOf({ scaling: { min: 1, max: 1, maxLifetimeSeconds: 600 } });
    const aged = podOf(fn, 1, { status: { phase: 'Failed', reason: 'DeadlineExceeded' } });
    const plan = planFunction(fn, { ...NOTHING, pods: [aged] }, NOW);
    expect(plan.removals).toEqual([{ type: RESOURCE.pod, namespace: 'fnp-team', name: 'shop-r00001-x', uid: 'pod-1' }]);
    expect(plan.target.current).toEqual([]);
    expect(plan.deadlines).toEqual([]);
  });
});

describe('a pod of the warm pool', () => {
  const fn = functionOf({ scaling: { min: 0, max: 1 } });
  const status = { servingRevision: 1, observedPlatformGeneration: fn.spec.platformGeneration, scale: { active: true, since: new Date(NOW).toISOString() } };
  const pooled = (hash?: string): Pod => {
    const pod = podOf(fn, 1, { ready: true, ...(hash === undefined ? {} : { hash }) });
    return { ...pod, metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, [POOL_LABEL]: 'serving' } } };
  };
  const replicas = (pod: Pod) => {
    const plan = planFunction({ ...fn, status }, { ...NOTHING, pods: [pod] }, NOW);
    return [plan.settled, plan.applies.find(({ type }) => type === RESOURCE.deployment)?.manifest].map((value) => (typeof value === 'boolean' ? value : (value as Deployment).spec?.replicas));
  };

  test('is enough, and none is started beside it', () => {
    expect(replicas(pooled())).toEqual([true, 0]);
  });

  test('of a configuration before gives way to one of the present', () => {
    expect(replicas(pooled('before'))).toEqual([false, 1]);
  });
});

describe('idle', () => {
  const idle = (spec: Partial<FunctionSpec>) => {
    world.deploy(spec);
    const plan = planFunction(world.fn, { ...world.observed, pods: [] }, world.now);
    const asleep = { ...plan, servingState: { ...plan.servingState!, ready: 0 }, release: { ...plan.release, scale: { ...plan.release.scale, active: false } } };
    return buildStatus({ fn: world.fn, plan: { ...asleep, settled: plan.release.rollout?.phase === 'completed' }, failure: undefined, now: world.now }).conditions;
  };

  test('is ready: the next request starts it', () => {
    expect(idle({})).toMatchObject([
      { status: 'True', reason: 'Idle', message: 'Revision 1 is stopped while no requests come; the next one starts it.' },
      { status: 'False', reason: 'Settled' },
      { status: 'True', reason: 'Idle', message: 'Revision 1 is started by the next request.' },
    ]);
  });

  test('with a rollout that has to wait it says so', () => {
    expect(idle({ target: 2, revisions: both, rollout: CANARY })).toMatchObject([
      { status: 'False', reason: 'Idle', message: expect.stringContaining('Revision 1 keeps the requests and is started by the next one.') },
      { status: 'True', reason: 'Idle' },
      { status: 'True', reason: 'Idle' },
    ]);
  });
});
