import { describe, expect, test } from 'vitest';
import type { FunctionResource, FunctionSpec, RolloutStatus } from '../../contract/function-resource.js';
import type { HorizontalPodAutoscaler, Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { argoRevision, type ArgoRollout, type ArgoStatus } from '../rollout/manifests/argo-rollout.js';
import { planFunction, type FunctionPlan } from './function.plan.js';
import type { ObservedFunction } from './observed-function.js';
import { carriedOut, functionOf, IMAGE, NOTHING, NOW, podOf } from './testing/observed.js';
import { revision } from './testing/test-tenant.js';

const STEPS = { strategy: 'canary' as const, attempt: 1, steps: [{ setWeight: 20 }, { pause: {} }] };
const ARGO = { ...STEPS, engine: 'argo' as const };

const done = ({ applies, removals }: FunctionPlan): string[] => [...applies.map(({ type, manifest }) => `apply ${type.kind} ${manifest.metadata.name}`), ...removals.map(({ type, name }) => `remove ${type.kind} ${name}`)];
const rolloutIn = (plan: FunctionPlan): ArgoRollout | undefined => plan.applies.find(({ type }) => type.kind === 'Rollout')?.manifest as ArgoRollout | undefined;
const pods = (fn: FunctionResource, number: number, count: number, argo?: string): Pod[] => Array.from({ length: count }, (_, index) => podOf(fn, number, { ready: true, suffix: `${argo ?? 'own'}${index}`, ...(argo ? { argo } : {}) }));

function fnOf(spec: Partial<FunctionSpec>, rollout?: Partial<RolloutStatus>): FunctionResource {
  const of: RolloutStatus = { revision: 1, attempt: 1, phase: 'completed', step: 2, weight: 100, ...rollout };
  return functionOf({ revisions: [revision(1, IMAGE), revision(2, IMAGE)], rollout: ARGO, ...spec }, { servingRevision: 1, scale: { active: true, since: new Date(NOW).toISOString() }, rollout: of });
}

/** Carries a plan out; Argo Rollouts has looked at what came of it. */
function after(fn: FunctionResource, before: ObservedFunction, running: Pod[], status: ArgoStatus = { stableRS: 'one', currentPodHash: 'one' }): ObservedFunction {
  const observed = carriedOut(planFunction(fn, before, NOW), before, running);
  const { rollout } = observed;
  return rollout ? { ...observed, rollout: { ...rollout, metadata: { ...rollout.metadata, generation: 1 }, status: { observedGeneration: '1', ...status } } } : observed;
}

/** Revision 1 serves with three pods of its Deployment. */
function byOperator(): ObservedFunction {
  const fn = fnOf({ rollout: STEPS });
  return after(fn, NOTHING, pods(fn, 1, 3));
}

/** And with as many of a Rollout. */
function byArgo(fn = fnOf({})): ObservedFunction {
  return after(fn, NOTHING, pods(fn, 1, 3, 'one'));
}

describe('from the operator\'s own steps to Argo\'s', () => {
  test('a Rollout with as many pods comes first; the Deployment goes once they are ready', () => {
    const fn = fnOf({});
    const world = byOperator();
    const first = planFunction(fn, world, NOW);
    expect(done(first)).toEqual(['apply Rollout shop']);
    expect(rolloutIn(first)?.spec.replicas).toBe(3);
    const starting = after(fn, world, [...world.pods, ...pods(fn, 1, 2, 'one')]);
    expect(done(planFunction(fn, starting, NOW))).toEqual([]);
    const ready = { ...starting, pods: [...world.pods, ...pods(fn, 1, 3, 'one')] };
    expect(done(planFunction(fn, ready, NOW))).toEqual(['apply Rollout shop', 'remove Deployment shop-r00001']);
  });

  test('in mid-canary the good revision is Argo\'s first; the target begins anew after it', () => {
    const fn = fnOf({ target: 2 }, { revision: 2, stable: 1, phase: 'paused', step: 1, weight: 20 });
    const own = fnOf({ target: 2, rollout: STEPS }, { revision: 2, stable: 1, phase: 'paused', step: 1, weight: 20 });
    const world = after(own, NOTHING, [...pods(own, 1, 3), ...pods(own, 2, 1)]);
    const first = planFunction(fn, world, NOW);
    expect(argoRevision(rolloutIn(first)!)).toBe(1);
    expect(first.release.traffic).toEqual([{ revision: 1, percent: 100 }]);
    const ready = after(fn, world, [...world.pods, ...pods(fn, 1, 3, 'one')]);
    expect(argoRevision(rolloutIn(planFunction(fn, ready, NOW))!)).toBe(2);
  });
});

describe('from Argo\'s steps to the operator\'s own', () => {
  test('Deployments with as many pods come first; the Rollout goes once they are ready', () => {
    const fn = fnOf({ rollout: STEPS });
    const world = byArgo();
    expect(done(planFunction(fn, world, NOW))).toEqual(['apply Deployment shop-r00001']);
    const starting = after(fn, world, [...world.pods, ...pods(fn, 1, 2)]);
    expect(starting.deployments[0]?.spec?.replicas).toBe(3);
    expect(done(planFunction(fn, starting, NOW))).toEqual([]);
    expect(done(planFunction(fn, { ...starting, pods: [...world.pods, ...pods(fn, 1, 3)] }, NOW))).toEqual(['remove Rollout shop']);
  });

  test('at once where nothing runs', () => {
    expect(done(planFunction(fnOf({ rollout: STEPS, suspension: 'compute' }), { ...byArgo(), pods: [] }, NOW))).toContain('remove Rollout shop');
  });
});

describe('the Rollout', () => {
  test('settled leaves nothing to do, and somebody\'s change is put right', () => {
    const fn = fnOf({});
    const world = byArgo();
    expect(done(planFunction(fn, world, NOW))).toEqual([]);
    const { rollout } = world;
    const changed = { ...world, rollout: { ...rollout!, spec: { ...rollout!.spec, paused: true } } };
    expect(done(planFunction(fn, changed, NOW))).toEqual(['apply Rollout shop']);
  });

  test('lost in mid-canary begins with the good revision', () => {
    const fn = fnOf({ target: 2 }, { revision: 2, stable: 1, phase: 'paused', step: 1, weight: 20 });
    expect(argoRevision(rolloutIn(planFunction(fn, { ...byArgo(), rollout: undefined, pods: [] }, NOW))!)).toBe(1);
  });

  test.each<[string, Partial<FunctionSpec>, Partial<RolloutStatus>, number, number | undefined]>([
    ['of a target is the target\'s', { target: 2 }, {}, 2, 1],
    ['suspended in mid-canary is the good one\'s, with no pods', { target: 2, suspension: 'compute' }, { revision: 2, stable: 1, phase: 'paused', step: 1, weight: 20 }, 1, 0],
    ['of a target that was taken back is the good one\'s again', { target: 2, rollout: { ...ARGO, aborted: true } }, { revision: 2, stable: 1, phase: 'completed' }, 1, 1],
  ])('%s', (_what, spec, rollout, expected, replicas) => {
    const fn = fnOf(spec, rollout);
    const world = byArgo(rollout.phase === 'completed' ? fnOf({ target: 2 }, { revision: 2 }) : fnOf({}));
    const built = rolloutIn(planFunction(fn, world, NOW));
    expect([argoRevision(built!), built?.spec.replicas]).toEqual([expected, replicas]);
  });

  test('that scales by load has one autoscaler of its own over all revisions', () => {
    const fn = fnOf({ target: 2, scaling: { min: 2, max: 10, metric: 'requests' } });
    const world = byArgo(fnOf({ scaling: { min: 2, max: 10, metric: 'requests' } }));
    const plan = planFunction(fn, { ...world, rollout: { ...world.rollout!, spec: { ...world.rollout!.spec, replicas: 6 } } }, NOW, { scaling: { replicas: new Map() } });
    const autoscaler = plan.applies.find(({ type }) => type.kind === 'HorizontalPodAutoscaler')?.manifest as HorizontalPodAutoscaler;
    expect(autoscaler.spec).toMatchObject({ scaleTargetRef: { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'shop' }, minReplicas: 2, maxReplicas: 10 });
    expect(rolloutIn(plan)?.spec).not.toHaveProperty('replicas');
    expect(plan.applies.find(({ type }) => type.kind === 'Rollout')?.handOver).toBe(6);
  });
});
