import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FunctionResource } from '../../contract/function-resource.js';
import { LABEL, revisionName } from '../../contract/names.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { Deployment, KubernetesObject, NetworkPolicy, Service } from '../../platform/kubernetes/kubernetes-object.js';
import { requestsTotal } from '../../platform/kubernetes/kubernetes-metrics.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { condition, isReady, TestOperator } from './testing/test-operator.js';
import { revision, type TestTenant, until } from './testing/test-tenant.js';

let stage: TestOperator;
let client: KubernetesClient;
let tenant: TestTenant;
let image: string;

beforeAll(async () => {
  stage = await TestOperator.start();
  ({ client, tenant, image } = stage);
}, 240_000);

afterAll(() => stage?.remove(), 120_000);

const hasReason = (reason: string) => (fn: FunctionResource): boolean => condition(fn)?.reason === reason && fn.status?.observedGeneration === fn.metadata.generation;

const ask = (functionId: string, path?: string): Promise<Record<string, string>> => stage.ask(functionId, path);

/** Writes of the operator since the last call, by verb and resource; its watches, lists and lease are left out. */
async function operatorWrites(): Promise<Record<string, number>> {
  const writes: Record<string, number> = {};
  for (const { labels, value } of (await requestsTotal.get()).values) {
    if (labels.cluster !== 'operator-test' || labels.resource === 'leases') continue;
    if (['watch', 'list', 'get'].includes(String(labels.verb)) && labels.resource !== 'pods/log') continue;
    if (['customresourcedefinitions', 'namespaces'].includes(String(labels.resource))) continue;
    const key = `${labels.verb} ${labels.resource}`;
    writes[key] = (writes[key] ?? 0) + value;
  }
  return writes;
}

/** A request is counted when its answer is there: the world may show its effect a moment before. */
async function expectWrites(expected: Record<string, number>, work: () => Promise<unknown>): Promise<void> {
  const before = await operatorWrites();
  await work();
  await expect.poll(async () => {
    const after = Object.entries(await operatorWrites());
    return Object.fromEntries(after.map(([key, value]) => [key, value - (before[key] ?? 0)] as const).filter(([, count]) => count > 0));
  }, { timeout: 5_000 }).toEqual(expected);
}

describe('a good function', () => {
  const functionId = randomUUID();

  test('gets ready, answers from the host, and costs few calls', async () => {
    await expectWrites({
      'apply deployments': 1, 'apply services': 1, 'apply networkpolicies': 1, 'patch functions/status': 2, 'create events': 1,
    }, async () => {
      await tenant.deploy('good', { functionId, target: 1, revisions: [revision(1, image)] });
      await tenant.waitFor('good', isReady, 30_000);
    });
    expect(await ask(functionId, '/orders')).toEqual({ revision: '1', mode: '', path: '/orders' });
    const fn = await tenant.get('good');
    expect(fn.status).toMatchObject({ servingRevision: 1, replicas: 1, readyReplicas: 1, observedPlatformGeneration: 1 });
    expect(condition(fn, 'Serving')).toMatchObject({ status: 'True', reason: 'Ready' });
    expect(condition(fn, 'Reconciling')).toMatchObject({ status: 'False', reason: 'Settled' });
  }, 60_000);

  test('a new revision takes over when it is ready, and the old one goes', async () => {
    await expectWrites({
      'apply deployments': 1, 'apply services': 1, 'patch functions/status': 2, 'create events': 1, 'delete deployments': 1,
    }, async () => {
      await tenant.deploy('good', { functionId, target: 2, revisions: [revision(1, image), revision(2, image, { timeoutSeconds: 20 })] });
      await tenant.waitFor('good', (fn) => isReady(fn) && fn.status?.servingRevision === 2, 30_000);
      await until(async () => (await client.find(RESOURCE.deployment, { namespace: tenant.namespace, name: revisionName('good', 1) })) === null, 20_000, 'the old revision to go');
    });
    const service = await client.get<Service>(RESOURCE.service, { namespace: tenant.namespace, name: 'good' });
    expect(service.spec?.selector).toMatchObject({ [LABEL.revision]: '2', [LABEL.functionId]: functionId });
    await until(async () => (await stage.pods(functionId)).every((pod) => pod.metadata.labels?.[LABEL.revision] === '2'), 45_000, 'the old pod to go');
    expect(await ask(functionId)).toMatchObject({ revision: '2' });
  }, 120_000);

  test.each([
    ['Deployment', RESOURCE.deployment, revisionName('good', 2)],
    ['Service', RESOURCE.service, 'good'],
    ['NetworkPolicy', RESOURCE.networkPolicy, 'good'],
  ])('a deleted %s is made again within 10 s', async (_kind, type, name) => {
    const before = await client.get(type, { namespace: tenant.namespace, name });
    await client.delete(type, { namespace: tenant.namespace, name }, { uid: before.metadata.uid });
    await until(async () => {
      const now = await client.find(type, { namespace: tenant.namespace, name });
      return now !== null && now.metadata.uid !== before.metadata.uid;
    }, 10_000, `${name} to be made again`);
    await tenant.waitFor('good', isReady, 30_000);
  }, 60_000);

  test('fields that others changed are put right within 10 s', async () => {
    const name = revisionName('good', 2);
    const ref = { namespace: tenant.namespace, name };
    await client.patch(RESOURCE.deployment, ref, { spec: { replicas: 3 } });
    await client.patch(RESOURCE.service, { namespace: tenant.namespace, name: 'good' }, { spec: { selector: { [LABEL.revision]: '77' } } });
    await client.patch(RESOURCE.networkPolicy, { namespace: tenant.namespace, name: 'good' }, { spec: { ingress: [{}] } });
    await until(async () => {
      const [deployment, service, policy] = await Promise.all([
        client.get<Deployment>(RESOURCE.deployment, ref),
        client.get<Service>(RESOURCE.service, { namespace: tenant.namespace, name: 'good' }),
        client.get<NetworkPolicy>(RESOURCE.networkPolicy, { namespace: tenant.namespace, name: 'good' }),
      ]);
      return deployment.spec?.replicas === 1 && service.spec?.selector?.[LABEL.revision] === '2' && policy.spec?.ingress?.[0]?.from?.length === 1;
    }, 10_000, 'repair');
  }, 30_000);

  test('suspended it has no pod; resumed it serves the same revision again', async () => {
    const spec = { functionId, target: 2, revisions: [revision(2, image, { timeoutSeconds: 20 })] };
    await tenant.deploy('good', { ...spec, suspension: 'compute' });
    await tenant.waitFor('good', hasReason('Suspended'), 10_000);
    await until(async () => (await stage.pods(functionId)).every((pod) => pod.metadata.deletionTimestamp !== undefined), 15_000, 'no pod');
    await tenant.deploy('good', spec);
    const fn = await tenant.waitFor('good', isReady, 30_000);
    expect(fn.status?.servingRevision).toBe(2);
  }, 90_000);

  test('deleted it leaves nothing', async () => {
    const fn = await tenant.get('good');
    await client.delete(RESOURCE.function, { namespace: tenant.namespace, name: 'good' }, { uid: fn.metadata.uid });
    const types = [RESOURCE.deployment, RESOURCE.replicaSet, RESOURCE.service, RESOURCE.networkPolicy, RESOURCE.pod, RESOURCE.endpointSlice];
    await until(async () => {
      const lists = await Promise.all(types.map((type) => client.list<KubernetesObject>(type, { namespace: tenant.namespace })));
      return lists.every(({ items }) => items.length === 0);
    }, 60_000, 'nothing to be left');
  }, 90_000);
});

describe('a bad deploy', () => {
  const functionId = randomUUID();
  const good = () => revision(1, image);

  beforeAll(async () => {
    await tenant.configMap('crash', { PROBE_MODE: 'crash' });
    await tenant.configMap('unhealthy', { PROBE_MODE: 'unhealthy' });
    await tenant.configMap('oom', { PROBE_MODE: 'oom' });
    await tenant.deploy('risky', { functionId, target: 1, revisions: [good()] });
    await tenant.waitFor('risky', isReady, 30_000);
  }, 60_000);

  test.each([
    ['crashes at start', 2, () => revision(2, image, { configMap: 'crash' }), 'StartupFailed', /exit code 3 before it was ready.*log:\nTraceback \(most recent call last\):\nModuleNotFoundError: No module named 'orders'/s],
    ['has no image', 3, () => revision(3, image.replace(/@sha256:.*/, `@sha256:${'0'.repeat(64)}`)), 'ImagePullFailed', /the registry has no such image/],
    ['misses its Secret', 4, () => revision(4, image, { secret: 'absent' }), 'ConfigurationMissing', /secret "absent" not found/],
    ['is never ready', 5, () => revision(5, image, { configMap: 'unhealthy' }), 'NotReadyInTime', /waiting for the database at db\.internal/],
    ['fits no node', 6, () => revision(6, image, { resources: { cpuMillis: 64_000, memoryMb: 64, ephemeralStorageMb: 32 } }), 'Unschedulable', /No node of the cluster has room.*Insufficient cpu/],
    ['eats memory', 7, () => revision(7, image, { configMap: 'oom' }), 'OutOfMemory', /more than its 64 MiB of memory/],
  ])('that %s is reported within 30 s while the last good one serves on', async (_what, number, bad, reason, message) => {
    const started = performance.now();
    await tenant.deploy('risky', { functionId, target: number, revisions: [good(), bad()] });
    const fn = await tenant.waitFor('risky', hasReason(reason), 30_000);
    console.info(`${reason}: ${Math.round(performance.now() - started)} ms: ${condition(fn, 'Ready')?.message}`);
    expect(condition(fn, 'Ready')?.message).toMatch(message);
    expect(condition(fn, 'Ready')?.message).toContain('Revision 1 keeps serving.');
    expect(condition(fn, 'Serving')).toMatchObject({ status: 'True' });
    expect(fn.status).toMatchObject({ servingRevision: 1, readyReplicas: 1 });
    expect(await ask(functionId)).toMatchObject({ revision: '1' });
  }, 60_000);

  test('a quota refusal names the limit, and room made in the quota is used', async () => {
    const quota = (memory: string) => tenant.apply(RESOURCE.resourceQuota, { metadata: { name: 'tenant' }, spec: { hard: { 'limits.memory': memory } } });
    await tenant.deploy('risky', { functionId, target: 1, revisions: [good()] });
    await tenant.waitFor('risky', isReady, 10_000);
    await quota('64Mi');
    await until(async () => {
      const observed = await client.get<KubernetesObject & { status?: { used?: Record<string, string> } }>(RESOURCE.resourceQuota, { namespace: tenant.namespace, name: 'tenant' });
      return observed.status?.used?.['limits.memory'] === '64Mi';
    }, 45_000, 'the quota to be counted');
    await tenant.deploy('risky', { functionId, target: 8, revisions: [good(), revision(8, image)] });
    const fn = await tenant.waitFor('risky', hasReason('QuotaRefused'), 30_000);
    expect(condition(fn, 'Ready')?.message).toMatch(/memory: 64Mi allowed, 64Mi in use, 64Mi more needed/);
    await quota('256Mi');
    await tenant.waitFor('risky', (now) => isReady(now) && now.status?.servingRevision === 8, 45_000);
  }, 150_000);

  test('a good deploy heals it', async () => {
    await tenant.deploy('risky', { functionId, target: 9, revisions: [revision(8, image), revision(9, image, { configMap: 'crash' })] });
    await tenant.waitFor('risky', hasReason('StartupFailed'), 30_000);
    await tenant.deploy('risky', { functionId, target: 10, revisions: [revision(8, image), revision(10, image)] });
    await tenant.waitFor('risky', (fn) => isReady(fn) && fn.status?.servingRevision === 10, 30_000);
    expect(await client.find(RESOURCE.deployment, { namespace: tenant.namespace, name: revisionName('risky', 9) })).toBeNull();
  }, 90_000);
});

describe('several operators', () => {
  test('one stands by and takes over when the leader stops', async () => {
    const second = stage.another();
    second.start();
    try {
      await until(async () => second.readiness.ready, 20_000, () => second.readiness.detail);
      expect(second.readiness.detail).toBe('standby');
      await stage.end();
      await until(async () => second.readiness.detail === 'leader', 10_000, () => second.readiness.detail);
      const functionId = randomUUID();
      await tenant.deploy('late', { functionId, target: 1, revisions: [revision(1, image)] });
      await tenant.waitFor('late', isReady, 30_000);
    } finally {
      await second.stop();
    }
  }, 90_000);

  test('while none runs, pods go on serving and are healed', async () => {
    const fn = await tenant.get('late');
    const [pod] = await stage.pods(fn.spec.functionId);
    expect(await ask(fn.spec.functionId)).toMatchObject({ revision: '1' });
    await client.delete(RESOURCE.pod, { namespace: tenant.namespace, name: pod?.metadata.name ?? '' }, { gracePeriodSeconds: 0 });
    await until(async () => (await ask(fn.spec.functionId).catch(() => ({}) as Record<string, string>)).revision === '1', 20_000, 'another pod to answer');
  }, 60_000);
});
