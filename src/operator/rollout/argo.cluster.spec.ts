import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ArgoController } from '../../../test/support/argo-rollouts.js';
import type { FunctionResource, RolloutSpec } from '../../contract/function-resource.js';
import { LABEL, revisionServiceName } from '../../contract/names.js';
import type { EndpointSlice, KubernetesObject, ReplicaSet } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import { condition, isReady, TestOperator, trafficOf } from '../function/testing/test-operator.js';
import { revision, until } from '../function/testing/test-tenant.js';
import type { ArgoRollout } from './manifests/argo-rollout.js';

/** The real controller of Argo Rollouts, in the namespace of this suite's tenant. */

const CANARY: RolloutSpec = { strategy: 'canary', attempt: 1, steps: [{ setWeight: 20 }, { pause: {} }] };
const ARGO: RolloutSpec = { ...CANARY, engine: 'argo' };

let stage: TestOperator;
let argo: ArgoController;

beforeAll(async () => {
  stage = await TestOperator.start();
  argo = new ArgoController(stage.client, process.env.KUBECONFIG ?? '', stage.tenant.namespace);
  await stage.tenant.configMap('crash', { PROBE_MODE: 'crash' });
}, 240_000);

afterAll(async () => {
  await stage?.end();
  await argo?.remove();
  await stage?.remove();
}, 120_000);

/** Small, so that five pods and those of the next revision have room beside another suite's. */
const SIZE = { resources: { cpuMillis: 50, memoryMb: 64, ephemeralStorageMb: 32 } };
const revisions = (...more: object[]) => [{}, ...more].map((one, index) => revision(index + 1, stage.image, { ...SIZE, ...one }));
const hasTraffic = (expected: string) => (fn: FunctionResource): boolean => trafficOf(fn) === expected && fn.status?.observedGeneration === fn.metadata.generation;

async function ofFunction<T extends KubernetesObject>(type: ResourceType, functionId: string): Promise<T[]> {
  const { items } = await stage.client.list<T>(type, { namespace: stage.tenant.namespace, labelSelector: `${LABEL.functionId}=${functionId}` });
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

function rollout(name: string): Promise<ArgoRollout> {
  return stage.client.get<ArgoRollout>(RESOURCE.rollout, { namespace: stage.tenant.namespace, name });
}

/** Ready addresses behind a Service. */
async function addresses(service: string): Promise<string[]> {
  const { items } = await stage.client.list<EndpointSlice>(RESOURCE.endpointSlice, { namespace: stage.tenant.namespace, labelSelector: `kubernetes.io/service-name=${service}` });
  return items.flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions?.ready).flatMap(({ addresses: found }) => found);
}

/** Goes on asking, as a gateway does: at the revision that has the greatest share. Answers what did not answer. */
class Caller {
  readonly failed: string[] = [];
  answered = 0;
  private stopped = false;
  private readonly loop: Promise<void>;

  constructor(private readonly name: string) {
    this.loop = this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.loop;
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      try {
        const [address] = await addresses(this.name);
        if (!address) throw new Error('nobody is there');
        const answer = await fetch(`http://${address}:8080/`, { signal: AbortSignal.timeout(3_000) });
        await answer.text();
        this.answered += 1;
      } catch (error) {
        this.failed.push(`${new Date().toISOString()} ${String(error)}`);
      }
    }
  }
}

async function took(what: string, work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  const ms = Math.round(performance.now() - began);
  process.stderr.write(`  argo: ${what} ${ms} ms\n`);
  return ms;
}

test('a cluster without it says so, and what serves goes on; installed, the operator\'s own pods stay until as many of its are ready', async () => {
  const functionId = randomUUID();
  const spec = { functionId, scaling: { min: 2, max: 2 } };
  await stage.tenant.deploy('moved', { ...spec, target: 1, revisions: revisions(), rollout: CANARY });
  await stage.tenant.waitFor('moved', isReady, 30_000);
  await stage.tenant.deploy('moved', { ...spec, target: 2, revisions: revisions({ timeoutSeconds: 20 }), rollout: { ...ARGO, attempt: 2 } });
  const missing = await stage.tenant.waitFor('moved', (fn) => condition(fn)?.reason === 'RolloutEngineMissing', 10_000);
  expect(condition(missing)?.message).toContain('it is not installed there');
  expect([trafficOf(missing), condition(missing, 'Serving')?.status]).toEqual(['1:100', 'True']);

  const caller = new Caller('moved');
  await argo.install();
  await argo.start();
  await took('from the operator\'s own steps to Argo, with a new target at 20 %', () => stage.tenant.waitFor('moved', hasTraffic('1:80 2:20'), 60_000));
  await until(async () => (await ofFunction(RESOURCE.deployment, functionId)).length === 0, 20_000, 'the Deployments to go');
  await caller.stop();
  expect(caller.failed).toEqual([]);
  expect(caller.answered).toBeGreaterThan(10);
}, 150_000);

describe('a canary', () => {
  test('stands at 20 % until it is promoted, over somebody\'s changes', async () => {
    const functionId = randomUUID();
    const spec = { functionId, scaling: { min: 5, max: 5 } };
    await stage.tenant.deploy('canary', { ...spec, target: 1, revisions: revisions(), rollout: ARGO });
    await took('first deploy of five pods', () => stage.tenant.waitFor('canary', (fn) => isReady(fn) && fn.status?.readyReplicas === 5, 60_000));
    expect(await ofFunction(RESOURCE.deployment, functionId)).toEqual([]);

    const next = { ...spec, target: 2, revisions: revisions({ timeoutSeconds: 20 }), rollout: { ...ARGO, attempt: 2 } };
    await stage.tenant.deploy('canary', next);
    let paused: FunctionResource | undefined;
    await took('deploy to 20 %', async () => { paused = await stage.tenant.waitFor('canary', (fn) => hasTraffic('1:80 2:20')(fn) && condition(fn)?.reason === 'RolloutPaused', 30_000); });
    expect(paused?.status).toMatchObject({ rollout: { phase: 'paused', step: 1, weight: 20, stable: 1, message: 'Paused at step 2 of 2 until its owner resumes it.' }, servingRevision: 1, readyReplicas: 5 });
    expect([await addresses(revisionServiceName('canary', 1)), await addresses(revisionServiceName('canary', 2))].map(({ length }) => length)).toEqual([5, 1]);

    await stage.client.patch(RESOURCE.rollout, { namespace: stage.tenant.namespace, name: 'canary' }, { spec: { replicas: 9, revisionHistoryLimit: 1 } });
    await took('somebody\'s change put right', () => until(async () => (await rollout('canary')).spec.replicas === 5 && (await rollout('canary')).spec.revisionHistoryLimit === 3, 10_000, 'the repair'));
    await stage.tenant.waitFor('canary', (fn) => hasTraffic('1:80 2:20')(fn) && condition(fn)?.reason === 'RolloutPaused', 20_000);

    const caller = new Caller('canary');
    await stage.tenant.deploy('canary', { ...next, rollout: { ...next.rollout, promoted: true } });
    await took('promote to 100 %', () => stage.tenant.waitFor('canary', (fn) => isReady(fn) && trafficOf(fn) === '2:100', 40_000));
    await caller.stop();
    expect(caller.failed).toEqual([]);
    expect((await stage.tenant.get('canary')).status?.rollout).toMatchObject({ phase: 'completed', weight: 100 });
  }, 150_000);

  test('is held and resumed, ended, tried again and ended by somebody in Argo; the old revision keeps its pods', async () => {
    const functionId = randomUUID();
    const spec = { functionId, scaling: { min: 2, max: 2 } };
    await stage.tenant.deploy('ended', { ...spec, target: 1, revisions: revisions(), rollout: ARGO });
    await stage.tenant.waitFor('ended', isReady, 30_000);
    const caller = new Caller('ended');
    const steps: RolloutSpec = { ...ARGO, attempt: 2, steps: [{ setWeight: 20 }, { pause: {} }, { setWeight: 50 }, { pause: {} }] };
    const next = { ...spec, target: 2, revisions: revisions({ timeoutSeconds: 20 }), rollout: steps };
    await stage.tenant.deploy('ended', next);
    await stage.tenant.waitFor('ended', (fn) => hasTraffic('1:80 2:20')(fn) && condition(fn)?.reason === 'RolloutPaused', 30_000);
    await stage.tenant.deploy('ended', { ...next, rollout: { ...steps, paused: true } });
    await stage.tenant.waitFor('ended', (fn) => fn.status?.rollout?.message === 'Held by its owner.', 10_000);
    expect((await rollout('ended')).spec.paused).toBe(true);
    await stage.tenant.deploy('ended', { ...next, rollout: { ...steps, resumedStep: 2 } });
    await took('resume to 50 %', () => stage.tenant.waitFor('ended', hasTraffic('1:50 2:50'), 30_000));

    await stage.tenant.deploy('ended', { ...next, rollout: { ...steps, aborted: true } });
    await took('abort to 0 %', () => stage.tenant.waitFor('ended', (fn) => hasTraffic('1:100')(fn) && condition(fn)?.reason === 'RolloutAborted', 10_000));
    await until(async () => (await rollout('ended')).status?.abort === true, 10_000, 'Argo to know');
    await until(async () => (await stage.pods(functionId, 2)).length === 0, 40_000, 'the pods of the ended one to go');

    await stage.tenant.deploy('ended', { ...next, rollout: { ...steps, attempt: 3 } });
    await took('retry to 20 %', () => stage.tenant.waitFor('ended', (fn) => hasTraffic('1:80 2:20')(fn) && fn.status?.rollout?.phase === 'paused', 30_000));
    await stage.client.patchStatus(RESOURCE.rollout, { namespace: stage.tenant.namespace, name: 'ended' }, { abort: true });
    const told = await stage.tenant.waitFor('ended', (fn) => fn.status?.rollout?.phase === 'aborted', 10_000);
    expect([trafficOf(told), told.status?.rollout?.message]).toEqual(['1:100', 'Ended in Argo Rollouts: revision 1 has the requests.']);

    // A revision that does not start takes nothing, and says why; the next one is not held up by it.
    await stage.tenant.deploy('ended', { ...spec, target: 3, revisions: revisions({ timeoutSeconds: 20 }, { configMap: 'crash' }), rollout: { ...ARGO, attempt: 4 } });
    const failed = await stage.tenant.waitFor('ended', (fn) => condition(fn)?.reason === 'StartupFailed', 30_000);
    expect(trafficOf(failed)).toBe('1:100');
    await caller.stop();
    expect(caller.failed).toEqual([]);
  }, 180_000);
});

test('blue-green stands beside at its preview until it is promoted; three former revisions are kept, and the Function takes all along', async () => {
  const functionId = randomUUID();
  const green: RolloutSpec = { strategy: 'blue-green', attempt: 1, engine: 'argo' };
  const all = revisions(...Array.from({ length: 5 }, (_, index) => ({ timeoutSeconds: 20 + index })));
  const spec = { functionId, scaling: { min: 1, max: 1 } };
  await stage.tenant.deploy('green', { ...spec, target: 1, revisions: all.slice(0, 1), rollout: green });
  await stage.tenant.waitFor('green', isReady, 30_000);
  await stage.tenant.deploy('green', { ...spec, target: 2, revisions: all.slice(0, 2), rollout: { ...green, attempt: 2 } });
  await took('blue-green to its preview', () => stage.tenant.waitFor('green', (fn) => hasTraffic('1:100 2:0#preview')(fn) && condition(fn)?.reason === 'RolloutPaused', 30_000));
  await stage.tenant.deploy('green', { ...spec, target: 2, revisions: all.slice(0, 2), rollout: { ...green, attempt: 2, promoted: true } });
  await took('blue-green promoted', () => stage.tenant.waitFor('green', (fn) => isReady(fn) && trafficOf(fn) === '2:100', 20_000));

  for (const target of [3, 4, 5, 6]) {
    await stage.tenant.deploy('green', { ...spec, target, revisions: all.slice(target - 2, target), rollout: { strategy: 'all-at-once', attempt: target, engine: 'argo' } });
    await stage.tenant.waitFor('green', (fn) => isReady(fn) && trafficOf(fn) === `${target}:100`, 30_000);
  }
  await until(async () => (await ofFunction<ReplicaSet>(RESOURCE.replicaSet, functionId)).length === 4, 60_000, 'the history to be cut');

  const caller = new Caller('green');
  await stage.tenant.deploy('green', { ...spec, target: 6, revisions: all.slice(4, 6), rollout: { strategy: 'all-at-once', attempt: 6 } });
  await took('from Argo back to the operator\'s own', () => until(async () => (await ofFunction(RESOURCE.rollout, functionId)).length === 0, 30_000, 'the Rollout to go'));
  await until(async () => (await stage.pods(functionId)).length === 1, 60_000, 'its pods to go');
  await caller.stop();
  expect(caller.failed).toEqual([]);

  await stage.tenant.deploy('green', { ...spec, target: 6, revisions: all.slice(4, 6), rollout: { strategy: 'all-at-once', attempt: 6, engine: 'argo' } });
  await until(async () => (await ofFunction(RESOURCE.deployment, functionId)).length === 0, 30_000, 'the Deployment to go');
  await stage.client.delete(RESOURCE.function, { namespace: stage.tenant.namespace, name: 'green' });
  const types = [RESOURCE.rollout, RESOURCE.replicaSet, RESOURCE.deployment, RESOURCE.service, RESOURCE.networkPolicy, RESOURCE.pod];
  await took('deleted', () => until(async () => (await Promise.all(types.map((type) => ofFunction(type, functionId)))).every(({ length }) => length === 0), 90_000, 'everything to go'));
}, 300_000);
