import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../../test/support/eventually.js';
import type { FunctionResource, FunctionSpec, RevisionSpec } from '../../contract/function-resource.js';
import { LABEL } from '../../contract/names.js';
import { POOL_LABEL, type PoolRuntime, type PoolRuntimeSpec, type WarmPoolResource } from '../../contract/pool-resource.js';
import { appendLayer } from '../../platform/images/append-layer.js';
import { BaseImages } from '../../platform/images/base-images.js';
import { RegistryClient } from '../../platform/images/registry-client.js';
import { ensureCrd } from '../../platform/kubernetes/ensure-crd.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { podSpans } from '../../domains/metering/cluster/pod-lifetimes.policy.js';
import { FunctionCaches } from '../function/function.caches.js';
import { actAsOperator, admitToEnvironments, removeOperatorIdentity } from '../function/testing/operator-identity.js';
import { revision, TestTenant } from '../function/testing/test-tenant.js';
import { WarmPools } from './warm-pools.js';

const REGISTRY = process.env.FNPLANE_TEST_REGISTRY ?? '127.0.0.1:5010';
const MANAGER = { fieldManager: 'fnplane-test' };

const PYTHON = `import os
from pathlib import Path

def handle(event, context):
    if event.path == "/memory":
        return Path("/sys/fs/cgroup/memory.max").read_text().strip() if os.path.exists("/sys/fs/cgroup/memory.max") else Path("/sys/fs/cgroup/memory/memory.limit_in_bytes").read_text().strip()
    return {"function": context.function, "revision": context.revision, "greeting": os.environ.get("GREETING"), "key": os.environ.get("API_KEY"), "file": Path("/var/run/secrets/fnplane/db/PASSWORD").read_text() if os.path.exists("/var/run/secrets/fnplane/db") else None}
`;
const NODE = 'export function handle(event, context) { return { function: context.function, greeting: process.env.GREETING }; }\n';

let client: KubernetesClient;
let operatorClient: KubernetesClient;
let registry: RegistryClient;
let images: Record<PoolRuntime, string>;
const identity = `pools-${randomUUID()}`;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const path = process.env.KUBECONFIG;
  const built = process.env.FNPLANE_TEST_RUNTIME_IMAGES;
  if (!path || !built) throw new Error('KUBECONFIG and FNPLANE_TEST_RUNTIME_IMAGES must be given');
  images = JSON.parse(built) as typeof images;
  client = new KubernetesClient({ cluster: 'test', source: { kind: 'file', path } });
  registry = new RegistryClient({ url: `http://${REGISTRY}` });
  await ensureCrd(client, MANAGER.fieldManager);
  operatorClient = await actAsOperator(client, path, identity);
}, 120_000);

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
}, 120_000);

afterAll(async () => {
  await removeOperatorIdentity(client, identity);
  await Promise.all([client?.close(), operatorClient?.close(), registry?.close()]);
});

/** An image of a function, as the platform builds it: one layer upon the runtime's. */
async function imageOf(runtime: PoolRuntime, path: string, content: string): Promise<string> {
  const base = await new BaseImages(registry).resolve(images[runtime]);
  const files = [{ type: 'file' as const, path, mode: 0o644 as const, content: Buffer.from(content) }];
  return (await appendLayer(registry, { base, repository: `test/${identity}`, files, folder: 'function' })).reference;
}

async function newTenant(): Promise<TestTenant> {
  const tenant = new TestTenant(client);
  await tenant.create();
  ends.push(() => tenant.remove());
  await admitToEnvironments(client, tenant.namespace, identity);
  return tenant;
}

/** An operator's warm pools, for one tenant. */
async function operate(tenant: TestTenant, leads = true): Promise<WarmPools> {
  const views = new FunctionCaches(operatorClient, { namespace: tenant.namespace });
  views.start();
  await views.synced(20_000);
  const pools = new WarmPools({ client: operatorClient, registry, views, namespace: tenant.namespace });
  await pools.start();
  if (leads) pools.lead();
  ends.push(async () => {
    await pools.stop();
    await views.stop();
  });
  return pools;
}

async function fill(tenant: TestTenant, ...runtimes: Pick<PoolRuntimeSpec, 'runtime' | 'min' | 'max'>[]): Promise<void> {
  await tenant.apply(RESOURCE.warmPool, { metadata: { name: 'pool' }, spec: { tenant: 'acme', tenantId: tenant.id, runtimes: runtimes.map((one) => ({ ...one, image: images[one.runtime] })) } });
  const wanted = runtimes.reduce((sum, { min }) => sum + min, 0);
  await eventually(async () => {
    const pool = await client.get<WarmPoolResource>(RESOURCE.warmPool, { namespace: tenant.namespace, name: 'pool' });
    expect(pool.status?.runtimes?.reduce((sum, { ready }) => sum + ready, 0), JSON.stringify(pool.status)).toBe(wanted);
  }, { withinMs: 60_000, everyMs: 200 });
}

function deploy(tenant: TestTenant, name: string, image: string, more: Partial<RevisionSpec> = {}, spec: Partial<FunctionSpec> = {}): Promise<FunctionResource> {
  const one = revision(1, image, { runtime: 'python', resources: { cpuMillis: 100, memoryMb: 96, ephemeralStorageMb: 64 }, metering: 'runtime', ...more });
  return tenant.deploy(name, { functionId: randomUUID(), target: 1, revisions: [one], scaling: { min: 0, max: 1 }, ...spec });
}

async function podsOf(tenant: TestTenant, selector: string): Promise<Pod[]> {
  return (await client.list<Pod>(RESOURCE.pod, { namespace: tenant.namespace, labelSelector: selector })).items;
}

const soon = (): AbortSignal => AbortSignal.timeout(20_000);

describe('a warm start', () => {
  test('serves the function with its own environment, secrets, size and labels', async () => {
    const tenant = await newTenant();
    const image = await imageOf('python', 'handler.py', PYTHON);
    await tenant.configMap('plain', { GREETING: 'hello' });
    await tenant.apply(RESOURCE.secret, { metadata: { name: 'hidden' }, type: 'Opaque', data: { API_KEY: Buffer.from('geheim').toString('base64') } });
    await tenant.apply(RESOURCE.secret, { metadata: { name: 'files' }, type: 'Opaque', data: { PASSWORD: Buffer.from('pässwort').toString('base64') } });
    const fn = await deploy(tenant, 'orders', image, { configMap: 'plain', secret: 'hidden', secretFiles: [{ name: 'db', secret: 'files' }] });
    const pools = await operate(tenant);
    await fill(tenant, { runtime: 'python', min: 1, max: 1 });

    // What becomes of the pool afterwards comes at the end of this test.
    await pools.follow();
    const started = performance.now();
    const answer = await pools.claim(fn, soon());
    expect(answer).toMatchObject({ port: 8080, revision: 1 });
    const reply = await fetch(`http://${answer?.address}:8080/`, { method: 'POST', signal: soon() });
    const tookMs = performance.now() - started;
    expect(await reply.json()).toEqual({ function: 'orders', revision: 1, greeting: 'hello', key: 'geheim', file: 'pässwort' });
    // Without code and environment read ahead. A plain pod takes two seconds on the same machine.
    expect(tookMs).toBeLessThan(2_000);

    const [pod] = await eventually(async () => {
      const found = await podsOf(tenant, `${LABEL.functionId}=${fn.spec.functionId},${POOL_LABEL}=serving`);
      expect(found).toHaveLength(1);
      return found;
    }, { withinMs: 10_000 });
    expect(pod?.metadata).toMatchObject({ name: answer?.pod, labels: { [LABEL.function]: 'orders', [LABEL.revision]: '1', [POOL_LABEL]: 'serving' }, ownerReferences: [{ kind: 'Function', uid: fn.metadata.uid }] });
    // Each part of its life is somebody's to pay, and none of it twice: in the pool, at its size, until it was claimed.
    const [inPool, own] = podSpans(pod!, 'test', Date.now());
    expect([inPool, own]).toMatchObject([{ use: 'pool', tenantId: tenant.id, runtime: 'python', memoryMb: 128, cpuMillis: 250 }, { use: 'function', tenantId: tenant.id, function: { id: fn.spec.functionId, revision: 1 } }]);
    expect([inPool?.to, own?.to]).toEqual([own?.from, undefined]);
    await eventually(async () => {
      expect(await (await fetch(`http://${answer?.address}:8080/memory`, { method: 'POST', signal: soon() })).json()).toBe(String(96 * 1024 ** 2));
    }, { withinMs: 90_000, everyMs: 500 });
    expect((await podsOf(tenant, POOL_LABEL)).every(({ status }) => (status?.containerStatuses?.[0]?.restartCount ?? 0) === 0)).toBe(true);
    // The pool gets full again.
    pools.lead();
    await fill(tenant, { runtime: 'python', min: 1, max: 1 });
  });

  test('a function whose code does not load leaves no pod behind and starts cold', async () => {
    const tenant = await newTenant();
    const fn = await deploy(tenant, 'broken', await imageOf('node', 'handler.mjs', 'export const handle = ;\n'), { runtime: 'node' });
    const pools = await operate(tenant);
    await fill(tenant, { runtime: 'node', min: 1, max: 1 });
    const [waiting] = await podsOf(tenant, `${POOL_LABEL}=waiting`);
    expect(await pools.claim(fn, soon())).toBeUndefined();
    await eventually(async () => {
      const pods = await podsOf(tenant, POOL_LABEL);
      expect(pods.filter(({ metadata }) => !metadata.deletionTimestamp).map(({ metadata }) => metadata.name)).not.toContain(waiting?.metadata.name);
    }, { withinMs: 20_000 });
  });

  test('another tenant\'s pool is never used', async () => {
    const [mine, other] = [await newTenant(), await newTenant()];
    const fn = await deploy(mine, 'orders', await imageOf('node', 'handler.mjs', NODE), { runtime: 'node' });
    const pools = await operate(mine);
    const others = await operate(other);
    await fill(other, { runtime: 'node', min: 1, max: 1 });
    expect(await pools.claim(fn, soon())).toBeUndefined();
    expect(await others.claim(fn, soon())).toBeUndefined();
    // Nor one in its own namespace that says it is another's.
    await mine.apply(RESOURCE.warmPool, { metadata: { name: 'pool' }, spec: { tenant: 'other', tenantId: other.id, runtimes: [{ runtime: 'node', image: images.node, min: 1, max: 1 }] } });
    await eventually(async () => expect(await podsOf(mine, `${POOL_LABEL}=waiting`)).toHaveLength(1), { withinMs: 20_000 });
    expect(await pools.claim(fn, soon())).toBeUndefined();
    expect(await podsOf(other, `${POOL_LABEL}=waiting`)).toHaveLength(1);
  });
});

test('of 20 claims at once by two operators over 5 pods, exactly 5 win, each another pod', async () => {
  const tenant = await newTenant();
  const image = await imageOf('node', 'handler.mjs', NODE);
  const functions = await Promise.all(Array.from({ length: 20 }, (_, index) => deploy(tenant, `fn-${index}`, image, { runtime: 'node', resources: { cpuMillis: 50, memoryMb: 96, ephemeralStorageMb: 64 } })));
  const leader = await operate(tenant);
  await fill(tenant, { runtime: 'node', min: 5, max: 5 });
  const second = await operate(tenant, false);
  // No refill meanwhile: what is claimed is not made anew.
  await leader.follow();
  const answers = await Promise.all(functions.map((fn, index) => (index % 2 === 0 ? leader : second).claim(fn, soon())));
  const winners = answers.flatMap((answer, index) => (answer ? [{ answer, name: functions[index]?.metadata.name }] : []));
  expect(winners).toHaveLength(5);
  expect(new Set(winners.map(({ answer }) => answer.pod)).size).toBe(5);
  for (const { answer, name } of winners) {
    expect(await (await fetch(`http://${answer.address}:8080/`, { method: 'POST', signal: soon() })).json()).toEqual({ function: name });
  }
}, 180_000);

test('what the tenant\'s quota refuses is told in the pool\'s status', async () => {
  const tenant = await newTenant();
  await tenant.apply(RESOURCE.resourceQuota, { metadata: { name: 'bounds' }, spec: { hard: { pods: '1' } } });
  await operate(tenant);
  await tenant.apply(RESOURCE.warmPool, { metadata: { name: 'pool' }, spec: { tenant: 'acme', tenantId: tenant.id, runtimes: [{ runtime: 'go', image: images.go, min: 3, max: 3 }] } });
  await eventually(async () => {
    const { status } = await client.get<WarmPoolResource>(RESOURCE.warmPool, { namespace: tenant.namespace, name: 'pool' });
    expect(status?.runtimes?.[0]).toMatchObject({ wanted: 3, ready: 1 });
    expect(status?.runtimes?.[0]?.message).toMatch(/quota has no room for another pod of the pool: requested pods=1, used pods=1, allowed pods=1/);
    expect(status?.runtimes?.[0]?.refusal?.message).toBe(status?.runtimes?.[0]?.message);
    expect(status?.conditions).toMatchObject([{ type: 'Ready', status: 'False', reason: 'QuotaRefused' }]);
  }, { withinMs: 60_000, everyMs: 300 });
});

test('a claim whose operator was lost is cleaned up, and the pool is full again', async () => {
  const tenant = await newTenant();
  await operate(tenant);
  await fill(tenant, { runtime: 'go', min: 1, max: 1 });
  const [pod] = await podsOf(tenant, `${POOL_LABEL}=waiting`);
  const long = new Date(Date.now() - 60_000).toISOString();
  await client.patch(RESOURCE.pod, { namespace: tenant.namespace, name: pod?.metadata.name ?? '' }, { metadata: { labels: { [POOL_LABEL]: 'claimed' }, annotations: { 'fnplane.dev/claimed-at': long } } });
  await eventually(async () => {
    const now = await podsOf(tenant, POOL_LABEL);
    expect(now.find(({ metadata }) => metadata.name === pod?.metadata.name && !metadata.deletionTimestamp)).toBeUndefined();
    expect(now.filter(({ metadata }) => metadata.labels?.[POOL_LABEL] === 'waiting')).toHaveLength(1);
  }, { withinMs: 30_000 });
});
