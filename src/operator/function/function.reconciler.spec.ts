import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { FunctionResource, FunctionSpec } from '../../contract/function-resource.js';
import { LABEL, revisionName } from '../../contract/names.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { KubernetesObject } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, resourcePath } from '../../platform/kubernetes/resource-type.js';
import { FakeApiServer } from '../../platform/kubernetes/testing/fake-api-server.js';
import type { ReleaseMetrics } from '../rollout/release-metrics.js';
import { ChildApplier } from './child-applier.js';
import { FunctionCaches } from './function.caches.js';
import { FunctionEvents } from './function.events.js';
import { FunctionReconciler } from './function.reconciler.js';
import { PodEvidence } from './pod-evidence.js';
import { functionOf, IMAGE, podOf, type PodOptions } from './testing/observed.js';
import { revision } from './testing/test-tenant.js';

const KEY = 'fnp-team/shop';
const PODS = resourcePath(RESOURCE.pod, {});
const FUNCTIONS = resourcePath(RESOURCE.function, {});

let server: FakeApiServer;
let client: KubernetesClient;
let caches: FunctionCaches;
let events: FunctionEvents;
let reconciler: FunctionReconciler;

beforeEach(async () => {
  server = new FakeApiServer();
  await server.start();
  client = new KubernetesClient({ cluster: 'fake', source: { kind: 'inline', kubeconfig: server.kubeconfig, trusted: true }, requestTimeoutMs: 1_000 });
  caches = new FunctionCaches(client);
  events = new FunctionEvents(client, 'test');
  reconciler = reconcilerAt();
  caches.start();
  await caches.synced(5_000);
  await vi.waitFor(() => expect(server.openWatches).toBe(5));
});

afterEach(async () => {
  await events.settle();
  await caches.stop();
  await client.close();
  await server.stop();
});

const metrics: ReleaseMetrics = { follow: () => undefined, unfollow: () => undefined, window: () => undefined };

function reconcilerAt(now: () => number = Date.now): FunctionReconciler {
  return new FunctionReconciler({ client, caches, applier: new ChildApplier(client), events, evidence: new PodEvidence(client), metrics, now });
}

/** Writes a Function as the worker would, and waits until the operator knows. */
async function write(spec: Partial<FunctionSpec> = {}): Promise<void> {
  const present = caches.functions.get(KEY);
  const fn = functionOf(spec, present?.status);
  const generation = (present?.metadata.generation ?? 0) + 1;
  const stored = server.put(FUNCTIONS, { ...fn, metadata: { ...fn.metadata, generation } } as KubernetesObject);
  await seen(() => caches.functions.get(KEY)?.metadata.resourceVersion === stored.metadata.resourceVersion);
}

async function runPod(number: number, options: PodOptions): Promise<void> {
  const pod = podOf(caches.functions.get(KEY) as FunctionResource, number, { createdAt: Date.now(), ...options });
  const labels = { ...pod.metadata.labels, [LABEL.function]: 'shop' };
  const stored = server.put(PODS, { ...pod, metadata: { ...pod.metadata, labels } });
  await seen(() => caches.pods.get({ namespace: 'fnp-team', name: pod.metadata.name })?.metadata.resourceVersion === stored.metadata.resourceVersion);
}

async function seen(holds: () => boolean): Promise<void> {
  await vi.waitFor(() => expect(holds()).toBe(true), { interval: 2 });
}

const calls = (): string[] => server.requests.filter(({ verb }) => verb !== 'watch' && verb !== 'list' && verb !== 'create').map(({ verb, path }) => `${verb} ${path.split('/').slice(path.includes('/apis/') ? 6 : 5).join('/')}`);
const ready = () => caches.functions.get(KEY)?.status?.conditions?.find(({ type }) => type === 'Ready');
const two = { target: 2, revisions: [revision(1, IMAGE), revision(2, IMAGE)] };

async function serveFirst(): Promise<void> {
  await write();
  await reconciler.reconcile(KEY);
  await runPod(1, { ready: true });
  await reconciler.reconcile(KEY);
}

describe('calls', () => {
  test('a deploy costs four, its getting ready one more, and nothing afterwards', async () => {
    await write();
    await reconciler.reconcile(KEY);
    expect(calls().sort()).toEqual(['patch deployments/shop-r00001', 'patch functions/shop/status', 'patch networkpolicies/shop', 'patch services/shop']);
    await reconciler.reconcile(KEY);
    expect(calls()).toHaveLength(4);
    await runPod(1, { ready: true });
    await reconciler.reconcile(KEY);
    expect(calls().at(-1)).toBe('patch functions/shop/status');
    for (let round = 0; round < 5; round += 1) await reconciler.reconcile(KEY);
    expect(calls()).toHaveLength(5);
    expect(ready()).toMatchObject({ status: 'True', observedGeneration: 1 });
  });

  test('a function that is gone or going costs none', async () => {
    expect(await reconciler.reconcile(KEY)).toEqual({});
    expect(calls()).toEqual([]);
  });

  test('the log of a crash is fetched once for each life', async () => {
    await write();
    await reconciler.reconcile(KEY);
    server.fail('get', { kind: 'text', body: 'SyntaxError: line 3\n' });
    const crashed = (restartCount: number): PodOptions => ({ container: { restartCount, state: { terminated: { exitCode: 1 } as never } } });
    await runPod(1, crashed(0));
    for (let round = 0; round < 3; round += 1) await reconciler.reconcile(KEY);
    expect(ready()).toMatchObject({ reason: 'StartupFailed', message: expect.stringContaining('SyntaxError: line 3') });
    expect(calls().filter((call) => call.startsWith('get'))).toEqual([`get pods/${revisionName('shop', 1)}-x/log`]);
    await runPod(1, crashed(1));
    await reconciler.reconcile(KEY);
    expect(calls().filter((call) => call.startsWith('get'))).toHaveLength(2);
  });
});

describe('faults', () => {
  test('the traffic counts as moved only when the Service has been written', async () => {
    await serveFirst();
    await write(two);
    await reconciler.reconcile(KEY);
    await runPod(2, { ready: true });
    server.fail('patch', { kind: 'status', status: 503 });
    await expect(reconciler.reconcile(KEY)).rejects.toMatchObject({ code: 'KUBERNETES_UNAVAILABLE' });
    expect(caches.functions.get(KEY)?.status?.servingRevision).toBe(1);
    await reconciler.reconcile(KEY);
    expect(caches.functions.get(KEY)?.status?.servingRevision).toBe(2);
    expect(caches.services.get(KEY)?.spec?.selector?.[LABEL.revision]).toBe('2');
  });

  test('a refused workload is told to the function\'s owner, and tried again', async () => {
    await serveFirst();
    await write(two);
    server.fail('patch', { kind: 'status', status: 403, reason: 'Forbidden', message: 'deployments.apps "x" is forbidden: exceeded quota: tenant, requested: count/deployments.apps=1, used: count/deployments.apps=5, limited: count/deployments.apps=5' });
    await expect(reconciler.reconcile(KEY)).rejects.toMatchObject({ code: 'KUBERNETES_REFUSED' });
    expect(ready()).toMatchObject({ reason: 'QuotaRefused', message: expect.stringContaining('deployments: 5 allowed, 5 in use, 1 more needed') });
    expect(caches.functions.get(KEY)?.status?.servingRevision).toBe(1);
    await reconciler.reconcile(KEY);
    expect(ready()).toMatchObject({ reason: 'Deploying' });
  });

  test('a log that cannot be had costs only the detail', async () => {
    await write();
    server.fail('get', { kind: 'status', status: 500 }, 5);
    await runPod(1, { container: { state: { terminated: { exitCode: 1 } as never } } });
    await reconciler.reconcile(KEY);
    expect(ready()).toMatchObject({ reason: 'StartupFailed', message: 'The function\'s process ended with exit code 1 before it was ready.' });
  });

  test('a status that could not be written is written next time', async () => {
    await write();
    await reconciler.reconcile(KEY);
    await runPod(1, { ready: true });
    server.fail('patch', { kind: 'status', status: 500 });
    await expect(reconciler.reconcile(KEY)).rejects.toMatchObject({ code: 'KUBERNETES_UNAVAILABLE' });
    await reconciler.reconcile(KEY);
    expect(ready()?.status).toBe('True');
  });

  test('events are bounded, and losing them does no harm', async () => {
    server.fail('create', { kind: 'status', status: 500 }, 3);
    for (let index = 0; index < 50; index += 1) events.record(functionOf(), { type: 'Normal', reason: 'Test', message: 'x'.repeat(5_000) });
    await events.settle();
    const sent = server.requests.filter(({ verb }) => verb === 'create');
    expect(sent).toHaveLength(30);
    expect((sent[0]?.body as { message: string }).message).toHaveLength(1_000);
  });
});

test('the old revision goes after its moment of grace, by its UID', async () => {
  let now = Date.now();
  reconciler = reconcilerAt(() => now);
  await serveFirst();
  await write(two);
  await reconciler.reconcile(KEY);
  await runPod(2, { ready: true });
  const { againAfterMs = 0 } = await reconciler.reconcile(KEY);
  expect(againAfterMs).toBeLessThanOrEqual(5_000);
  now += againAfterMs;
  await reconciler.reconcile(KEY);
  const [deletion] = server.requests.filter(({ verb }) => verb === 'delete');
  expect(deletion).toMatchObject({ path: expect.stringContaining('shop-r00001'), body: { preconditions: { uid: expect.any(String) } } });
});

