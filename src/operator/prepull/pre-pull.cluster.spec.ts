import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../../test/support/eventually.js';
import type { FunctionResource } from '../../contract/function-resource.js';
import { LABEL } from '../../contract/names.js';
import { appendLayer } from '../../platform/images/append-layer.js';
import { BaseImages } from '../../platform/images/base-images.js';
import { RegistryClient } from '../../platform/images/registry-client.js';
import { ensureCrd } from '../../platform/kubernetes/ensure-crd.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { Node, Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { Reflector } from '../../platform/kubernetes/reflector.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { FunctionCaches } from '../function/function.caches.js';
import { actAsOperator, removeOperatorIdentity } from '../function/testing/operator-identity.js';
import { revision, TestTenant } from '../function/testing/test-tenant.js';
import { PoolCaches } from '../pool/pool.caches.js';
import { buildPrePullPod, PRE_PULL_COMPONENT } from './manifests/pre-pull-pod.js';
import { PrePull } from './pre-pull.js';

const REGISTRY = process.env.FNPLANE_TEST_REGISTRY ?? '127.0.0.1:5010';
const identity = `pre-pull-${randomUUID()}`;

let client: KubernetesClient;
let operatorClient: KubernetesClient;
let registry: RegistryClient;
let tenant: TestTenant;
let views: FunctionCaches;
let pools: PoolCaches;
let prePull: PrePull;
let nodeName: string;

beforeAll(async () => {
  const path = process.env.KUBECONFIG;
  if (!path || !process.env.FNPLANE_TEST_RUNTIME_IMAGES) throw new Error('KUBECONFIG and FNPLANE_TEST_RUNTIME_IMAGES must be given');
  client = new KubernetesClient({ cluster: 'test', source: { kind: 'file', path } });
  registry = new RegistryClient({ url: `http://${REGISTRY}` });
  await ensureCrd(client, 'fnplane-test');
  nodeName = (await client.list<Node>(RESOURCE.node, {})).items[0]!.metadata.name;
  operatorClient = await actAsOperator(client, path, identity);
  tenant = new TestTenant(client);
  await tenant.create();
  const { namespace } = tenant;
  [views, pools] = [new FunctionCaches(operatorClient, { namespace }), new PoolCaches(operatorClient, { namespace })];
  views.start();
  pools.start();
  await Promise.all([views.synced(20_000), pools.synced(20_000)]);
  prePull = new PrePull({ client: operatorClient, namespace, mostNodes: 3, views: { functions: views.functions, functionPods: views.pods, pools: pools.pools, poolPods: pools.pods } });
  prePull.start();
  prePull.lead();
}, 120_000);

afterAll(async () => {
  await prePull?.stop();
  await Promise.all([views?.stop(), pools?.stop()]);
  await tenant?.remove();
  await removeOperatorIdentity(client, identity);
  await Promise.all([client?.close(), operatorClient?.close(), registry?.close()]);
}, 120_000);

/** An image that no node has: one layer upon a runtime's. */
async function newImage(): Promise<string> {
  const { node } = JSON.parse(process.env.FNPLANE_TEST_RUNTIME_IMAGES!) as { node: string };
  const files = [{ type: 'file' as const, path: 'handler.mjs', mode: 0o644 as const, content: Buffer.from(`export const handle = () => '${randomUUID()}';\n`) }];
  return (await appendLayer(registry, { base: await new BaseImages(registry).resolve(node), repository: `test/${identity}`, files, folder: 'function' })).reference;
}

/** A function at zero, as the operator leaves it. */
async function deployAtZero(name: string, image: string): Promise<FunctionResource> {
  const fn = await tenant.deploy(name, { functionId: randomUUID(), target: 1, revisions: [revision(1, image)], scaling: { min: 0, max: 1 } });
  await client.patchStatus(RESOURCE.function, { namespace: tenant.namespace, name }, { scale: { active: false, since: new Date().toISOString() } }, { fieldManager: 'fnplane-test' });
  return fn;
}

async function pullPods(): Promise<Pod[]> {
  return (await client.list<Pod>(RESOURCE.pod, { namespace: tenant.namespace, labelSelector: `${LABEL.component}=${PRE_PULL_COMPONENT}` })).items;
}

/** Whether the node starts it without a pull: one that lacks the image says so. */
async function nodeHas(image: string): Promise<boolean> {
  const name = `probe-${randomUUID().slice(0, 8)}`;
  const { metadata, spec } = buildPrePullPod({ namespace: tenant.namespace, tenantId: tenant.id, reference: { apiVersion: 'v1', kind: 'none', name: 'none', uid: 'none' } }, image, nodeName);
  await client.create<Pod>(RESOURCE.pod, { metadata: { name, namespace: metadata.namespace }, spec: { ...spec, containers: spec?.containers.map((one) => ({ ...one, imagePullPolicy: 'Never' })) } } as Pod);
  const reason = await eventually(async () => {
    const { status } = await client.get<Pod>(RESOURCE.pod, { namespace: tenant.namespace, name });
    const state = status?.containerStatuses?.[0]?.state;
    const found = state?.terminated?.reason ?? (state?.waiting?.reason === 'ContainerCreating' ? undefined : state?.waiting?.reason);
    expect(found).toBeTruthy();
    return found;
  }, { withinMs: 20_000, everyMs: 100 });
  await client.delete(RESOURCE.pod, { namespace: tenant.namespace, name }, { gracePeriodSeconds: 0 });
  return reason !== 'ErrImageNeverPull';
}

test('the node has the image of a function at zero before anybody calls it, nothing of it ran, and nothing is left', async () => {
  const image = await newImage();
  expect(await nodeHas(image)).toBe(false);
  const watched = new Reflector<Pod>(client, RESOURCE.pod, { namespace: tenant.namespace, labelSelector: `${LABEL.component}=${PRE_PULL_COMPONENT}` });
  const seen: { node: string | undefined; state: string }[] = [];
  const note = ({ spec, status }: Pod): void => { seen.push({ node: spec?.nodeName, state: JSON.stringify(status?.containerStatuses?.[0]?.state ?? {}) }); };
  watched.addHandlers({ onAdd: note, onUpdate: note });
  watched.start();
  await deployAtZero('asleep', image);
  await eventually(async () => expect(seen.some(({ state }) => state.includes('StartError')), JSON.stringify(seen)).toBe(true), { withinMs: 30_000, everyMs: 50 });
  expect(await nodeHas(image)).toBe(true);
  await eventually(async () => expect(await pullPods()).toEqual([]), { withinMs: 15_000, everyMs: 50 });
  await watched.stop();
  expect(seen.filter(({ state }) => state.includes('"running"'))).toEqual([]);
  expect(new Set(seen.flatMap(({ node }) => node ?? []))).toEqual(new Set([nodeName]));
});

test('an image that cannot be had, or that the quota has no room for, is left alone', async () => {
  await tenant.apply(RESOURCE.resourceQuota, { metadata: { name: 'bounds' }, spec: { hard: { pods: '0' } } });
  await deployAtZero('crowded', await newImage());
  const missing = `${REGISTRY}/test/none@sha256:${'0'.repeat(64)}`;
  await deployAtZero('lost', missing);
  await eventually(async () => expect(views.functions.list().filter(({ status }) => status?.scale?.active === false).length).toBeGreaterThanOrEqual(2), { withinMs: 10_000 });
  expect(await pullPods()).toEqual([]);
  await client.delete(RESOURCE.resourceQuota, { namespace: tenant.namespace, name: 'bounds' });
  // One that is under way goes with its function.
  await client.delete(RESOURCE.function, { namespace: tenant.namespace, name: 'lost' });
  const lost = await deployAtZero('lost-again', missing);
  await eventually(async () => expect(await pullPods()).toHaveLength(1), { withinMs: 15_000 });
  await client.delete(RESOURCE.function, { namespace: tenant.namespace, name: lost.metadata.name });
  await eventually(async () => expect(await pullPods()).toEqual([]), { withinMs: 30_000, everyMs: 200 });
});
