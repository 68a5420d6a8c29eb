import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FunctionResource, RolloutSpec } from '../../contract/function-resource.js';
import { revisionName, revisionServiceName } from '../../contract/names.js';
import type { EndpointSlice, Event, KubernetesObject, Service } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { selectedRevision } from '../function/manifests/service.js';
import { condition, isReady, TestOperator, trafficOf } from '../function/testing/test-operator.js';
import { revision, until } from '../function/testing/test-tenant.js';

let stage: TestOperator;

beforeAll(async () => {
  stage = await TestOperator.start();
  await stage.tenant.configMap('crash', { PROBE_MODE: 'crash' });
  await stage.tenant.configMap('failing', { PROBE_MODE: 'failing' });
}, 240_000);

afterAll(() => stage?.remove(), 120_000);

const revisions = (...more: object[]) => [revision(1, stage.image), ...more.map((one, index) => revision(index + 2, stage.image, one))];
const hasTraffic = (expected: string) => (fn: FunctionResource): boolean => trafficOf(fn) === expected && fn.status?.observedGeneration === fn.metadata.generation;

/** Revision 1 serves under this name. */
async function serve(name: string): Promise<string> {
  const functionId = randomUUID();
  await stage.tenant.deploy(name, { functionId, target: 1, revisions: revisions() });
  await stage.tenant.waitFor(name, isReady, 30_000);
  return functionId;
}

async function names(type: (typeof RESOURCE)[keyof typeof RESOURCE], name: string): Promise<string[]> {
  const { items } = await stage.client.list<KubernetesObject>(type, { namespace: stage.tenant.namespace, labelSelector: `fnplane.dev/function=${name}` });
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(({ metadata }) => metadata.name).sort();
}

/** Ready addresses behind a Service. */
async function endpoints(service: string): Promise<number> {
  const { items } = await stage.client.list<EndpointSlice>(RESOURCE.endpointSlice, { namespace: stage.tenant.namespace, labelSelector: `kubernetes.io/service-name=${service}` });
  return items.flatMap(({ endpoints: found }) => found ?? []).filter(({ conditions }) => conditions?.ready).length;
}

async function eventsOf(name: string): Promise<string[]> {
  const { items } = await stage.client.list<Event>(RESOURCE.event, { namespace: stage.tenant.namespace, fieldSelector: `involvedObject.kind=Function,involvedObject.name=${name}` });
  return items.map(({ reason, message }) => `${reason}: ${message}`);
}

describe('a canary', () => {
  const rollout: RolloutSpec = { strategy: 'canary', attempt: 1, steps: [{ setWeight: 20 }, { pause: { seconds: 8 } }, { setWeight: 60 }, { pause: {} }] };

  test('goes by its steps, over a restart of the operator in the middle of a pause, to the end', async () => {
    const functionId = await serve('canary');
    const spec = { functionId, target: 2, revisions: revisions({ timeoutSeconds: 20 }), rollout };
    await stage.tenant.deploy('canary', spec);
    const paused = await stage.tenant.waitFor('canary', hasTraffic('1:80 2:20'), 30_000);
    const startedAt = paused.status?.rollout?.stepStartedAt ?? '';
    expect(condition(paused)).toMatchObject({ status: 'False', reason: 'RolloutPaused', message: expect.stringContaining('Paused at step 2 of 4 for 8 s.') });
    expect(condition(paused, 'Serving')).toMatchObject({ status: 'True', message: 'Revisions 1 (80 %) and 2 (20 %) answer requests.' });
    for (const number of [1, 2]) await until(async () => (await endpoints(revisionServiceName('canary', number))) === 1, 10_000, `the pod of revision ${number}`);

    await stage.end();
    await stage.begin();
    expect((await stage.tenant.get('canary')).status?.rollout).toMatchObject({ step: 1, weight: 20, stepStartedAt: startedAt });
    const next = await stage.tenant.waitFor('canary', hasTraffic('2:60 1:40'), 20_000);
    const took = Date.parse(next.status?.rollout?.stepStartedAt ?? '') - Date.parse(startedAt);
    expect(took).toBeGreaterThanOrEqual(8_000);
    expect(took).toBeLessThan(20_000);
    const service = await stage.client.get<Service>(RESOURCE.service, { namespace: stage.tenant.namespace, name: 'canary' });
    expect(selectedRevision(service)).toBe(2);

    await stage.tenant.deploy('canary', { ...spec, rollout: { ...rollout, resumedStep: 4 } });
    await stage.tenant.waitFor('canary', (fn) => isReady(fn) && trafficOf(fn) === '2:100', 20_000);
    await until(async () => (await names(RESOURCE.deployment, 'canary')).join() === revisionName('canary', 2), 20_000, 'the old revision to go');
    await until(async () => (await names(RESOURCE.service, 'canary')).join() === 'canary', 20_000, 'the addresses beside to go');
    await until(async () => {
      const told = (await eventsOf('canary')).join('\n');
      return ['Revision 2 has 20 % of the requests.', 'Revision 2 has 60 % of the requests.', 'RolloutCompleted: Revision 2'].every((words) => told.includes(words));
    }, 10_000, 'the events of each step');
  }, 150_000);

  test('takes nothing with a revision that does not start; ended, its pods go', async () => {
    const functionId = await serve('broken');
    const spec = { functionId, target: 2, revisions: revisions({ configMap: 'crash' }), rollout };
    await stage.tenant.deploy('broken', spec);
    const failed = await stage.tenant.waitFor('broken', (fn) => condition(fn)?.reason === 'StartupFailed', 30_000);
    expect(trafficOf(failed)).toBe('1:100');
    expect(condition(failed)?.message).toContain('Revision 1 keeps serving.');
    await stage.tenant.deploy('broken', { ...spec, rollout: { ...rollout, aborted: true } });
    const ended = await stage.tenant.waitFor('broken', (fn) => condition(fn)?.reason === 'RolloutAborted', 10_000);
    expect(ended.status?.rollout).toMatchObject({ phase: 'aborted', weight: 0, stable: 1 });
    await until(async () => (await names(RESOURCE.deployment, 'broken')).join() === revisionName('broken', 1), 20_000, 'the ended one to go');
  }, 90_000);

  test('whose answers break a bound is ended by itself, with figure and bound', async () => {
    const functionId = await serve('watched');
    const analysis = { maxErrorPercent: 10, windowSeconds: 60, minRequests: 20 };
    const spec = { functionId, target: 2, revisions: revisions({ configMap: 'failing' }), rollout: { ...rollout, steps: [{ setWeight: 50 }, { pause: {} }], analysis } };
    await stage.tenant.deploy('watched', spec);
    await stage.tenant.waitFor('watched', hasTraffic('1:50 2:50'), 30_000);
    const [pod] = await stage.pods(functionId, 2);
    for (let index = 0; index < 25; index += 1) {
      const answer = await fetch(`http://${pod?.status?.podIP}:8080/`, { signal: AbortSignal.timeout(3_000) });
      expect(answer.status).toBe(500);
    }
    const ended = await stage.tenant.waitFor('watched', (fn) => fn.status?.rollout?.phase === 'aborted', 30_000);
    expect(trafficOf(ended)).toBe('1:100');
    expect(condition(ended)?.message).toMatch(/In the last 60 s \(2\d requests\), 100 % of the answers of revision 2 were 5xx; at most 10 % are allowed.*Revision 1 has all requests again\./);
    await until(async () => (await eventsOf('watched')).some((told) => told.startsWith('RolloutAborted')), 10_000, 'the event of the abort');
  }, 90_000);
});

test('blue-green stands beside at its preview, and is promoted', async () => {
  const functionId = await serve('green');
  const rollout: RolloutSpec = { strategy: 'blue-green', attempt: 1 };
  const spec = { functionId, target: 2, revisions: revisions({ timeoutSeconds: 20 }) };
  await stage.tenant.deploy('green', { ...spec, rollout });
  const beside = await stage.tenant.waitFor('green', hasTraffic('1:100 2:0#preview'), 30_000);
  expect(condition(beside)).toMatchObject({ reason: 'RolloutPaused' });
  await until(async () => (await endpoints(revisionServiceName('green', 2))) === 1, 10_000, 'the preview\'s pod');
  await stage.tenant.deploy('green', { ...spec, rollout: { ...rollout, promoted: true } });
  const switched = await stage.tenant.waitFor('green', (fn) => isReady(fn) && trafficOf(fn) === '2:100', 10_000);
  expect(await names(RESOURCE.deployment, 'green')).toHaveLength(2);
  await stage.tenant.deploy('green', { ...spec, rollout: { ...rollout, promoted: true, aborted: true } });
  const back = await stage.tenant.waitFor('green', hasTraffic('1:100'), 10_000);
  expect([switched.status?.servingRevision, back.status?.servingRevision]).toEqual([2, 1]);
}, 90_000);

test('rules of the traffic hold, with addresses of their own', async () => {
  const functionId = await serve('split');
  const spec = { functionId, target: 1, revisions: revisions({ timeoutSeconds: 20 }) };
  await stage.tenant.deploy('split', { ...spec, traffic: [{ percent: 70 }, { revision: 2, percent: 30, tag: 'next' }] });
  await stage.tenant.waitFor('split', (fn) => isReady(fn) && hasTraffic('1:70 2:30#next')(fn), 30_000);
  expect(await names(RESOURCE.service, 'split')).toEqual(['split', revisionServiceName('split', 2)]);
  await until(async () => (await endpoints(revisionServiceName('split', 2))) === 1, 10_000, 'the pod of revision 2');
  await stage.tenant.deploy('split', spec);
  await stage.tenant.waitFor('split', (fn) => isReady(fn) && hasTraffic('1:100')(fn), 10_000);
  await until(async () => (await names(RESOURCE.service, 'split')).join() === 'split', 20_000, 'its address to go');
}, 90_000);

test('pods are ended at their greatest age, and others take their place', async () => {
  const functionId = randomUUID();
  await stage.tenant.deploy('aged', { functionId, target: 1, revisions: revisions(), scaling: { min: 1, max: 1, maxLifetimeSeconds: 8 } });
  await stage.tenant.waitFor('aged', isReady, 30_000);
  const [first] = await stage.pods(functionId);
  await until(async () => (await stage.pods(functionId)).some(({ metadata, spec }) => metadata.uid === first?.metadata.uid && spec?.activeDeadlineSeconds === 8), 5_000, 'the age to be limited');
  await until(async () => {
    const pods = await stage.pods(functionId);
    return pods.every(({ metadata }) => metadata.uid !== first?.metadata.uid) && pods.some(({ status }) => status?.phase === 'Running');
  }, 60_000, 'another pod in its place');
  expect(condition(await stage.tenant.get('aged'))?.reason).not.toBe('StartupFailed');
}, 120_000);
