import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { functionCrdYaml } from '../../contract/function-crd.js';
import { warmPoolCrdYaml } from '../../contract/pool-crd.js';
import type { FunctionSpec } from '../../contract/function-resource.js';
import { LABEL, revisionName, revisionServiceName } from '../../contract/names.js';
import type { Deployment, KubernetesObject, Service } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import { buildOperatorRbac } from '../manifests/operator-rbac.js';
import { ChildApplier } from './child-applier.js';
import { deploymentApply } from './workloads.plan.js';
import { buildDeployment, FIXED_REPLICAS } from './manifests/deployment.js';
import { NOTHING } from './testing/observed.js';
import { condition, isReady, TestOperator, trafficOf } from './testing/test-operator.js';
import { revision, until } from './testing/test-tenant.js';

const run = promisify(execFile);
const functionId = randomUUID();
let stage: TestOperator;

/** Two revisions side by side, so that every kind of child stands. */
const spec = () => ({
  functionId, target: 1, revisions: [revision(1, stage.image), revision(2, stage.image)], traffic: [{ percent: 70 }, { revision: 2, percent: 30 }],
});

beforeAll(async () => {
  stage = await TestOperator.start();
  await stage.tenant.deploy('solid', spec());
  await stage.tenant.waitFor('solid', isReady, 30_000);
}, 240_000);

afterAll(() => stage?.remove(), 120_000);

const at = (name: string) => ({ namespace: stage.tenant.namespace, name });
const OWN = revisionServiceName('solid', 2);

describe('what others do to its children', () => {
  test.each<[string, ResourceType, string]>([
    ['Service of a revision', RESOURCE.service, OWN],
    ['Service', RESOURCE.service, 'solid'],
    ['NetworkPolicy', RESOURCE.networkPolicy, 'solid'],
  ])('a deleted %s is made again within 10 s', async (_kind, type, name) => {
    const { metadata } = await stage.client.get(type, at(name));
    await stage.client.delete(type, at(name), { uid: metadata.uid });
    await until(async () => {
      const now = await stage.client.find(type, at(name));
      return now !== null && now.metadata.uid !== metadata.uid;
    }, 10_000, `${name} to be made again`);
    await stage.tenant.waitFor('solid', isReady, 30_000);
  }, 60_000);

  test('a deleted Deployment is made again within 10 s, and its share comes back with its pods', async () => {
    const name = revisionName('solid', 2);
    const { metadata } = await stage.client.get(RESOURCE.deployment, at(name));
    const before = new Set((await stage.pods(functionId, 2)).map((pod) => pod.metadata.uid));
    await stage.client.delete(RESOURCE.deployment, at(name), { uid: metadata.uid });
    await until(async () => ((await stage.client.find(RESOURCE.deployment, at(name)))?.metadata.uid ?? metadata.uid) !== metadata.uid, 10_000, `${name} to be made again`);
    await until(async () => (await stage.pods(functionId, 2)).every((pod) => !before.has(pod.metadata.uid)), 60_000, 'the pods of before to be gone');
    await stage.tenant.waitFor('solid', (fn) => isReady(fn) && trafficOf(fn) === '1:70 2:30', 30_000);
  }, 120_000);

  test.each<[string, ResourceType, string, object, (object: never) => boolean]>([
    ['a selector', RESOURCE.service, OWN, { spec: { selector: { [LABEL.revision]: '77' } } }, (object: Service) => object.spec?.selector?.[LABEL.revision] === '2'],
    ['a label taken away', RESOURCE.service, OWN, { metadata: { labels: { [LABEL.functionId]: null } } }, (object: Service) => object.metadata.labels?.[LABEL.functionId] === functionId],
    ['an owner taken away', RESOURCE.service, OWN, { metadata: { ownerReferences: null } }, (object: Service) => object.metadata.ownerReferences?.length === 1],
    ['a number of pods', RESOURCE.deployment, revisionName('solid', 2), { spec: { replicas: 3 } }, (object: Deployment) => object.spec?.replicas === 1],
    ['how its pods end', RESOURCE.deployment, revisionName('solid', 2), { spec: { template: { spec: { terminationGracePeriodSeconds: 5 } } } }, (object: Deployment) => object.spec?.template.spec?.terminationGracePeriodSeconds === 30],
  ])('%s is put right within 10 s', async (_what, type, name, patch, holds) => {
    await stage.client.patch(type, at(name), patch);
    await until(async () => holds((await stage.client.get(type, at(name))) as never), 10_000, 'repair');
  }, 30_000);

  test('notes and labels of others are kept, whatever the operator writes', async () => {
    const note = { metadata: { annotations: { 'example.com/note': 'keep me' }, labels: { 'example.com/team': 'blue' } } };
    const children: [ResourceType, string][] = [[RESOURCE.deployment, revisionName('solid', 1)], [RESOURCE.service, 'solid'], [RESOURCE.service, OWN], [RESOURCE.networkPolicy, 'solid']];
    for (const [type, name] of children) await stage.client.patch(type, at(name), note);
    const before = await Promise.all(children.map(([type, name]) => stage.client.get<KubernetesObject>(type, at(name))));
    // Everything is written again: two pods more, the traffic turned round, and a policy for nobody of the tenant.
    await stage.tenant.deploy('solid', { ...spec(), scaling: { min: 2, max: 2 }, traffic: [{ percent: 30 }, { revision: 2, percent: 70 }], suspension: 'ingress' });
    await stage.tenant.waitFor('solid', (fn) => fn.status?.servingRevision === 2, 30_000);
    await stage.tenant.deploy('solid', spec());
    await stage.tenant.waitFor('solid', (fn) => isReady(fn) && fn.status?.servingRevision === 1, 30_000);
    const after = await Promise.all(children.slice(0, 2).map(([type, name]) => stage.client.get<KubernetesObject>(type, at(name))));
    for (const [index, { metadata }] of after.entries()) {
      expect(metadata.resourceVersion).not.toBe(before[index]?.metadata.resourceVersion);
      expect(metadata).toMatchObject(note.metadata);
    }
  }, 90_000);
});

describe('objects that are not its own', () => {
  test('are not taken: the function says what stands in the way, and goes on when it is gone', async () => {
    const foreign = { metadata: { name: 'taken', labels: { app: 'theirs' } }, spec: { selector: { app: 'theirs' }, ports: [{ name: 'web', port: 81, targetPort: 81 }] } };
    await stage.tenant.apply(RESOURCE.service, foreign);
    const before = await stage.client.get<Service>(RESOURCE.service, at('taken'));
    await stage.tenant.deploy('taken', { functionId: randomUUID(), target: 1, revisions: [revision(1, stage.image)] });
    const refused = await stage.tenant.waitFor('taken', (fn) => condition(fn)?.reason === 'AdmissionRefused', 20_000);
    expect(condition(refused)?.message).toContain('a Service named taken that is not the platform\'s stands in the way: remove or rename it');
    const after = await stage.client.get<Service>(RESOURCE.service, at('taken'));
    expect(after).toEqual(before);
    await stage.client.delete(RESOURCE.service, at('taken'), { uid: before.metadata.uid });
    await stage.tenant.waitFor('taken', isReady, 60_000);
  }, 120_000);

  test('of an earlier function of the same name go first, by their UID', async () => {
    const earlier = { metadata: { name: 'again', labels: { [LABEL.functionId]: randomUUID(), [LABEL.function]: 'again' } }, spec: { selector: { app: 'earlier' }, ports: [{ port: 80 }] } };
    await stage.tenant.apply(RESOURCE.service, earlier);
    const before = await stage.client.get<Service>(RESOURCE.service, at('again'));
    await stage.tenant.deploy('again', { functionId: randomUUID(), target: 1, revisions: [revision(1, stage.image)] });
    await stage.tenant.waitFor('again', isReady, 30_000);
    const after = await stage.client.get<Service>(RESOURCE.service, at('again'));
    expect(after.metadata.uid).not.toBe(before.metadata.uid);
  }, 60_000);
});

describe('the API server refuses, with words', () => {
  const canary = (...steps: object[]) => ({ rollout: { strategy: 'canary', attempt: 0, steps } });

  test.each<[string, object, RegExp]>([
    ['weights that do not sum to 100', { traffic: [{ percent: 60 }, { revision: 2, percent: 30 }] }, /percentages of traffic must sum to 100/],
    ['a rule for an unknown revision', { traffic: [{ percent: 60 }, { revision: 9, percent: 40 }] }, /revisions that traffic names must be among revisions/],
    ['a target that is unknown', { target: 9 }, /target must be among revisions/],
    ['min above max', { scaling: { min: 3, max: 2 } }, /scaling.min must not exceed scaling.max/],
    ['a metric without a target', { scaling: { min: 1, max: 2, metric: 'requests' } }, /scaling.metric and scaling.target go together/],
    ['more than a hundred percent', { traffic: [{ percent: 101 }] }, /less than or equal to 100/],
    ['a tag that is no label', { traffic: [{ percent: 100, tag: 'No_Tag' }] }, /tag/],
    ['a strategy nobody knows', { rollout: { strategy: 'hope', attempt: 0 } }, /Unsupported value/],
    ['a step that is two things', canary({ setWeight: 20, pause: {} }), /a step is either setWeight or pause/],
    ['a step that is nothing', canary({}), /a step is either setWeight or pause/],
    ['a weight above all', canary({ setWeight: 120 }), /less than or equal to 100/],
    ['a pause of no time', canary({ pause: { seconds: 0 } }), /greater than or equal to 1/],
    ['more steps than anybody needs', canary(...Array.from({ length: 21 }, () => ({ setWeight: 1 }))), /at most 20 items/],
  ])('%s', async (_what, more, message) => {
    await expect(stage.tenant.deploy('solid', { ...spec(), ...(more as Partial<FunctionSpec>) })).rejects.toMatchObject({ code: 'KUBERNETES_REFUSED', message: expect.stringMatching(message) });
  });
});

test('a number of pods does not fall back to one when an autoscaler takes it over', async () => {
  const fn = await stage.tenant.get('solid');
  // Of no function the operator looks at, but with an owner that stands.
  const unwatched = { ...fn, spec: { ...fn.spec, functionId: randomUUID() } };
  const small = revision(9, stage.image, { resources: { cpuMillis: 10, memoryMb: 16, ephemeralStorageMb: 8 } });
  const applier = new ChildApplier(stage.client);
  const fixed = await applier.apply(unwatched, { type: RESOURCE.deployment, manifest: buildDeployment(unwatched, small, 3), observed: undefined });
  const free = buildDeployment(unwatched, small, undefined);
  const planned = deploymentApply(free, { ...NOTHING, deployments: [fixed as Deployment] });
  const handed = await applier.apply(unwatched, planned!) as Deployment;
  expect(handed.spec?.replicas).toBe(3);
  expect(handed.metadata.annotations).not.toHaveProperty([FIXED_REPLICAS]);
  // The autoscaler writes as anybody may; what the operator applies afterwards leaves it.
  await stage.client.patch(RESOURCE.deployment, at(free.metadata.name), { spec: { replicas: 2 } }, { fieldManager: 'autoscaler' });
  const after = await applier.apply(unwatched, { type: RESOURCE.deployment, manifest: free, observed: handed }) as Deployment;
  expect(after.spec?.replicas).toBe(2);
  await stage.client.delete(RESOURCE.deployment, at(free.metadata.name), { uid: after.metadata.uid });
}, 30_000);

test('static manifests pass kubectl on the server', async () => {
  const documents = [functionCrdYaml(), warmPoolCrdYaml(), ...buildOperatorRbac(stage.tenant.namespace, `dry-${stage.tenant.id}`).map((manifest) => stringify(manifest))];
  const child = run('kubectl', ['apply', '--dry-run=server', '--server-side', '--field-manager=fnplane-test', '--force-conflicts', '-f', '-'], { timeout: 60_000 });
  child.child.stdin?.end(documents.join('\n---\n'));
  const { stdout } = await child;
  expect(stdout.trim().split('\n')).toHaveLength(documents.length);
  expect(stdout).not.toMatch(/error|warning/i);
}, 90_000);
