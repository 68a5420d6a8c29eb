import { describe, expect, test } from 'vitest';
import type { FunctionResource } from '../../contract/function-resource.js';
import { LABEL } from '../../contract/names.js';
import type { Deployment, NetworkPolicy, Pod, Service } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { DRAIN_MS } from '../rollout/rollout.policy.js';
import { planFunction, type FunctionPlan } from './function.plan.js';
import type { ObservedFunction } from './observed-function.js';
import { selectedRevision } from './manifests/service.js';
import { carriedOut, functionOf, IMAGE, NOTHING, NOW, podOf } from './testing/observed.js';
import { revision } from './testing/test-tenant.js';

const applied = (plan: FunctionPlan): string[] => plan.applies.map(({ type, manifest }) => `${type.kind} ${manifest.metadata.name}`);
const removed = (plan: FunctionPlan): string[] => plan.removals.map(({ name }) => name);
const serviceOf = (plan: FunctionPlan): Service | undefined => plan.applies.find(({ type }) => type === RESOURCE.service)?.manifest as Service | undefined;

/** The world with a revision that serves, all of it in place. */
function settled(fn: FunctionResource, pods: (fn: FunctionResource) => Pod[] = (f) => [podOf(f, f.spec.target, { ready: true })]): ObservedFunction {
  return carriedOut(planFunction(fn, NOTHING, NOW), NOTHING, pods(fn));
}

describe('a first deploy', () => {
  test('makes the workload, the address and the policy at once; nothing serves yet', () => {
    const plan = planFunction(functionOf(), NOTHING, NOW);
    expect(applied(plan)).toEqual(['Deployment shop-r00001', 'Service shop', 'NetworkPolicy shop']);
    expect(plan.serving).toBeUndefined();
    expect(selectedRevision(serviceOf(plan))).toBe(1);
  });

  test('carried out it leaves nothing to do, and serves as soon as a pod is ready', () => {
    const fn = functionOf();
    const plan = planFunction(fn, settled(fn), NOW);
    expect([...applied(plan), ...removed(plan)]).toEqual([]);
    expect(plan).toMatchObject({ serving: 1, settled: true, target: { needed: 1 }, againAfterMs: undefined });
  });

  test('a second revision that comes before the first was ever ready replaces it at once', () => {
    const first = functionOf();
    const world = settled(first, (fn) => [podOf(fn, 1)]);
    const fn = functionOf({ target: 2, revisions: [revision(1, IMAGE), revision(2, IMAGE)] });
    const plan = planFunction(fn, world, NOW);
    expect(applied(plan)).toEqual(['Deployment shop-r00002', 'Service shop']);
    expect(removed(plan)).toEqual(['shop-r00001']);
    expect(selectedRevision(serviceOf(plan))).toBe(2);
  });

  test.each([[0, 1], [1, 1], [3, 3]])('scaling.min %i wants %i pods', (min, pods) => {
    const plan = planFunction(functionOf({ scaling: { min, max: 5 } }), NOTHING, NOW);
    expect((plan.applies[0]?.manifest as Deployment).spec?.replicas).toBe(pods);
  });
});

describe('a roll-out', () => {
  const first = functionOf({}, { servingRevision: 1 });
  const second = (more = {}): FunctionResource => functionOf({ target: 2, revisions: [revision(1, IMAGE), revision(2, IMAGE)], ...more }, { servingRevision: 1 });

  test('brings the target up beside the serving revision and leaves the traffic where it is', () => {
    const plan = planFunction(second(), settled(first), NOW);
    expect(applied(plan)).toEqual(['Deployment shop-r00002']);
    expect(removed(plan)).toEqual([]);
    expect(plan).toMatchObject({ serving: 1 });
  });

  test('moves the traffic when the minimum is ready, not before', () => {
    const fn = second({ scaling: { min: 2, max: 4 } });
    const world = { ...settled(first), pods: [podOf(fn, 1, { ready: true, hash: 'old' }), podOf(fn, 2, { ready: true })] };
    expect(planFunction(fn, world, NOW).serving).toBe(1);
    const plan = planFunction(fn, { ...world, pods: [...world.pods, podOf(fn, 2, { ready: true })] }, NOW);
    expect(plan.serving).toBe(2);
    expect(selectedRevision(serviceOf(plan))).toBe(2);
  });

  test('keeps the old revision a moment, then removes it, by its UID', () => {
    const fn = second();
    const pods = [podOf(fn, 1, { ready: true }), podOf(fn, 2, { ready: true })];
    let world = carriedOut(planFunction(fn, settled(first), NOW), settled(first), pods);
    const moved = planFunction(fn, world, NOW);
    expect([applied(moved), removed(moved), moved.againAfterMs]).toEqual([['Service shop'], [], DRAIN_MS]);
    world = carriedOut(moved, world);
    const after = functionOf(fn.spec, { servingRevision: 2 });
    expect(planFunction(after, world, NOW + DRAIN_MS - 1_000)).toMatchObject({ applies: [], removals: [], againAfterMs: 1_000 });
    const done = planFunction(after, world, NOW + DRAIN_MS);
    expect(done).toMatchObject({ applies: [], removals: [{ name: 'shop-r00001', uid: 'uid-shop-r00001' }], againAfterMs: undefined });
    expect(planFunction(after, carriedOut(done, world), NOW + DRAIN_MS)).toMatchObject({ applies: [], removals: [] });
  });

  test('a target that is partly ready takes over from a revision that has nothing left', () => {
    const fn = second({ scaling: { min: 2, max: 4 } });
    const plan = planFunction(fn, { ...settled(first), pods: [podOf(fn, 1), podOf(fn, 2, { ready: true })] }, NOW);
    expect(plan.serving).toBe(2);
  });

  test('pods that are being deleted or of an older configuration do not count for the target', () => {
    const fn = second();
    const pods = [podOf(fn, 1, { ready: true }), podOf(fn, 2, { ready: true, deleting: true }), podOf(fn, 2, { ready: true, hash: 'older' })];
    expect(planFunction(fn, { ...settled(first), pods }, NOW).serving).toBe(1);
  });

  test('a third target gives up a second that never got ready, at once', () => {
    const world = carriedOut(planFunction(second(), settled(first), NOW), settled(first));
    const fn = functionOf({ target: 3, revisions: [revision(1, IMAGE), revision(3, IMAGE)] }, { servingRevision: 1 });
    const plan = planFunction(fn, { ...world, pods: [podOf(fn, 1, { ready: true }), podOf(fn, 2)] }, NOW);
    expect(applied(plan)).toEqual(['Deployment shop-r00003']);
    expect(removed(plan)).toEqual(['shop-r00002']);
    expect(plan.serving).toBe(1);
  });

  test('the serving revision is kept although the spec does not list it any more', () => {
    const fn = functionOf({ target: 2, revisions: [revision(2, IMAGE)] }, { servingRevision: 1 });
    const plan = planFunction(fn, settled(first), NOW);
    expect(applied(plan)).toEqual(['Deployment shop-r00002']);
    expect(removed(plan)).toEqual([]);
    expect(plan.serving).toBe(1);
  });

  test('back to the revision that still serves: nothing but the failed one goes', () => {
    const world = carriedOut(planFunction(second(), settled(first), NOW), settled(first));
    const plan = planFunction(first, { ...world, pods: [podOf(first, 1, { ready: true })] }, NOW);
    expect([applied(plan), removed(plan), plan.serving]).toEqual([[], ['shop-r00002'], 1]);
  });

  test('a lost status is found again where the Service points, if somebody answers there', () => {
    const fn = functionOf({ target: 2, revisions: [revision(1, IMAGE), revision(2, IMAGE)] });
    expect(planFunction(fn, { ...settled(first), pods: [podOf(fn, 1, { ready: true })] }, NOW).serving).toBe(1);
    expect(planFunction(fn, { ...settled(first), pods: [podOf(fn, 1)] }, NOW).serving).toBeUndefined();
  });

  test('a new configuration of the serving revision rolls inside its Deployment', () => {
    const fn = functionOf({ revisions: [revision(1, IMAGE, { configMap: 'shop-abc' })] }, { servingRevision: 1 });
    const plan = planFunction(fn, settled(first), NOW);
    expect(applied(plan)).toEqual(['Deployment shop-r00001']);
    expect(plan).toMatchObject({ serving: 1, target: { currentReady: 0, ready: 1 } });
  });
});

describe('drift', () => {
  const fn = functionOf({}, { servingRevision: 1 });

  test.each<[string, (world: ObservedFunction) => ObservedFunction, string[]]>([
    ['a missing Deployment', (world) => ({ ...world, deployments: [] }), ['Deployment shop-r00001']],
    ['a missing Service', (world) => ({ ...world, service: undefined }), ['Service shop']],
    ['a missing policy', (world) => ({ ...world, networkPolicy: undefined }), ['NetworkPolicy shop']],
    ['another number of pods', (world) => ({ ...world, deployments: world.deployments.map((item) => ({ ...item, spec: { ...item.spec, replicas: 9 } }) as Deployment) }), ['Deployment shop-r00001']],
    ['a Service that points elsewhere', (world) => ({ ...world, service: { ...world.service, spec: { ...world.service?.spec, selector: { [LABEL.revision]: '5' } } } as Service }), ['Service shop']],
    ['a policy opened to all', (world) => ({ ...world, networkPolicy: { ...world.networkPolicy, spec: { ...world.networkPolicy?.spec, ingress: [{}] } } as NetworkPolicy }), ['NetworkPolicy shop']],
    ['a child that is just being deleted', (world) => ({ ...world, service: { ...world.service, metadata: { ...world.service?.metadata, deletionTimestamp: 'now' } } as Service }), []],
  ])('%s', (_what, change, expected) => {
    expect(applied(planFunction(fn, change(settled(fn)), NOW))).toEqual(expected);
  });

  test('a Deployment of an earlier function with the same name goes first', () => {
    const stranger = { metadata: { name: 'shop-r00001', namespace: 'fnp-team', uid: 'old', labels: { [LABEL.functionId]: 'another' } } } as unknown as Deployment;
    const plan = planFunction(fn, { ...NOTHING, strangers: [{ type: RESOURCE.deployment, object: stranger }] }, NOW);
    expect(applied(plan)).toEqual(['Service shop', 'NetworkPolicy shop']);
    expect(plan.removals).toMatchObject([{ name: 'shop-r00001', uid: 'old' }]);
    const leaving = { ...stranger, metadata: { ...stranger.metadata, deletionTimestamp: 'now' } };
    expect(planFunction(fn, { ...NOTHING, strangers: [{ type: RESOURCE.deployment, object: leaving }] }, NOW).removals).toEqual([]);
  });
});

describe('suspension and policy', () => {
  const policyOf = (fn: FunctionResource): NetworkPolicy => planFunction(fn, NOTHING, NOW).applies.find(({ type }) => type === RESOURCE.networkPolicy)?.manifest as NetworkPolicy;
  const peers = (fn: FunctionResource): number => policyOf(fn).spec?.ingress?.[0]?.from?.length ?? 0;

  test('compute: no pods, the serving revision is remembered', () => {
    const fn = functionOf({ suspension: 'compute' }, { servingRevision: 1 });
    const plan = planFunction(fn, settled(functionOf()), NOW);
    expect((plan.applies[0]?.manifest as Deployment).spec?.replicas).toBe(0);
    expect(plan).toMatchObject({ serving: 1, target: { wanted: 0 } });
  });

  test.each([
    ['runtime', 'none', 2], ['gateway', 'none', 1], ['runtime', 'ingress', 1], ['runtime', 'compute', 1],
  ] as const)('metering by the %s, suspension %s: %i kinds of peers', (metering, suspension, expected) => {
    expect(peers(functionOf({ suspension, revisions: [revision(1, IMAGE, { metering })] }))).toBe(expected);
  });

  test('during a roll-out both revisions must count for themselves', () => {
    const revisions = [revision(1, IMAGE, { metering: 'gateway' }), revision(2, IMAGE, { metering: 'runtime' })];
    const fn = functionOf({ target: 2, revisions }, { servingRevision: 1 });
    const world = settled(functionOf({ revisions: [revisions[0] as never] }));
    const plan = planFunction(fn, { ...world, networkPolicy: undefined }, NOW);
    const policy = plan.applies.find(({ type }) => type === RESOURCE.networkPolicy)?.manifest as NetworkPolicy;
    expect(policy.spec?.ingress?.[0]?.from).toHaveLength(1);
  });
});
