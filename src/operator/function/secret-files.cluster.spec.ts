import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FunctionResource, RevisionSpec } from '../../contract/function-resource.js';
import { ANNOTATION, LABEL } from '../../contract/names.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { KubernetesObject, Pod, ReplicaSet } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import { OperatorRole } from '../../roles/operator.role.js';
import { actAsOperator, removeOperatorIdentity } from './testing/operator-identity.js';
import { pushProbeImage } from './testing/probe-image.js';
import { revision, TestTenant, until } from './testing/test-tenant.js';

const REGISTRY = process.env.FNPLANE_REGISTRY ?? process.env.FNPLANE_TEST_REGISTRY ?? '127.0.0.1:5010';
const LIVE = { as: 'files', updates: 'live' } as const;

let client: KubernetesClient;
let operatorClient: KubernetesClient;
let operator: OperatorRole;
let tenant: TestTenant;
let image: string;
const functionId = randomUUID();

beforeAll(async () => {
  const path = process.env.KUBECONFIG;
  if (!path) throw new Error('KUBECONFIG must name the test cluster');
  client = new KubernetesClient({ cluster: 'test', source: { kind: 'file', path } });
  image = await pushProbeImage(REGISTRY);
  tenant = new TestTenant(client);
  await tenant.create();
  operatorClient = await actAsOperator(client, path, `test-${tenant.id}`);
  operator = new OperatorRole({ client: operatorClient, namespace: tenant.namespace, leaseName: `test-${tenant.id}` });
  operator.start();
  await until(async () => operator.readiness.detail === 'leader', 20_000, () => operator.readiness.detail);
  await tenant.configMap('probe', { PROBE_FILE: '/var/run/secrets/fnplane/db/PASSWORD' });
  await write('first');
}, 240_000);

afterAll(async () => {
  await operator?.stop();
  await client?.delete(RESOURCE.lease, { namespace: 'fnplane-system', name: `test-${tenant.id}` });
  await removeOperatorIdentity(client, `test-${tenant.id}`);
  await tenant?.remove();
  await Promise.all([client?.close(), operatorClient?.close()]);
}, 120_000);

function write(value: string): Promise<void> {
  return tenant.apply(RESOURCE.secret, { metadata: { name: 'shop-live' }, type: 'Opaque', data: { PASSWORD: Buffer.from(value).toString('base64') } } as never);
}

const files = (more: Partial<RevisionSpec> = {}): RevisionSpec => revision(1, image, { configMap: 'probe', secretDelivery: LIVE, secretFiles: [{ name: 'db', secret: 'shop-live' }], ...more });
const readyOf = (fn: FunctionResource) => fn.status?.conditions?.find(({ type }) => type === 'Ready');
const isReady = (fn: FunctionResource): boolean => readyOf(fn)?.status === 'True' && fn.status?.observedGeneration === fn.metadata.generation;

async function ofFunction<T extends KubernetesObject>(type: ResourceType): Promise<T[]> {
  return (await client.list<T>(type, { namespace: tenant.namespace, labelSelector: `${LABEL.functionId}=${functionId}` })).items;
}

async function ask(): Promise<Record<string, string>> {
  // A pod that is being ended is still called ready for a moment, and does not listen any more.
  const pod = (await ofFunction<Pod>(RESOURCE.pod)).find(({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'));
  return (await (await fetch(`http://${pod?.status?.podIP}:8080/`, { signal: AbortSignal.timeout(3_000) })).json()) as Record<string, string>;
}

test('a secret stands in its folder, to be read by the function and written by nobody', async () => {
  await tenant.deploy('shop', { functionId, target: 1, revisions: [files()] });
  await tenant.waitFor('shop', isReady, 30_000);
  expect(await ask()).toMatchObject({ file: 'first', write: 'refused' });
}, 60_000);

test('a new value reaches the running pod, and at once when its annotation says so', async () => {
  const [before] = await ofFunction<Pod>(RESOURCE.pod);
  const sets = (await ofFunction<ReplicaSet>(RESOURCE.replicaSet)).map(({ metadata }) => metadata.uid);
  await write('second');
  const started = performance.now();
  await client.patch(RESOURCE.pod, before!.metadata, { metadata: { annotations: { [ANNOTATION.liveSecrets]: 'second' } } });
  await until(async () => (await ask()).file === 'second', 30_000, 'the new value in the file');
  console.info(`live value after ${Math.round(performance.now() - started)} ms`);
  const pods = await ofFunction<Pod>(RESOURCE.pod);
  expect(pods.map(({ metadata, status }) => [metadata.uid, status?.containerStatuses?.[0]?.restartCount])).toEqual([[before!.metadata.uid, 0]]);
  expect((await ofFunction<ReplicaSet>(RESOURCE.replicaSet)).map(({ metadata }) => metadata.uid)).toEqual(sets);
}, 60_000);

test('what went from the secret is said, and makes no new pod', async () => {
  const [before] = await ofFunction<Pod>(RESOURCE.pod);
  await tenant.deploy('shop', { functionId, target: 1, revisions: [files({ missingValues: ['db/USER'] })] });
  const fn = await tenant.waitFor('shop', (now) => isReady(now) && readyOf(now)!.message.includes('USER'), 10_000);
  expect(readyOf(fn)?.message).toContain('The secret db has no USER any more; it had one when revision 1 was deployed.');
  expect((await ofFunction<Pod>(RESOURCE.pod)).map(({ metadata }) => metadata.uid)).toEqual([before!.metadata.uid]);
}, 30_000);

test('how a revision gets its secrets cannot be changed; which objects hold them can', async () => {
  const change = (more: Partial<RevisionSpec>) => tenant.deploy('shop', { functionId, target: 1, revisions: [files(more)] });
  await expect(change({ secretDelivery: { as: 'files', updates: 'rolling' } })).rejects.toThrow(/a revision cannot be changed but for its configuration and secrets/);
  await expect(change({ secretDelivery: undefined })).rejects.toThrow(/a revision cannot be changed/);
  await expect(change({ secretDelivery: { as: 'letters', updates: 'live' } as never })).rejects.toThrow(/Unsupported value/);
  await expect(change({ secretFiles: [{ name: '../etc', secret: 'shop-live' }] })).rejects.toThrow(/secretFiles/);
  await tenant.apply(RESOURCE.secret, { metadata: { name: 'shop-next' }, type: 'Opaque', data: { PASSWORD: Buffer.from('third').toString('base64') } } as never);
  await change({ secretFiles: [{ name: 'db', secret: 'shop-next' }] });
  await until(async () => (await ask()).file === 'third', 30_000, 'new pods with the other object');
}, 60_000);

test('files that are not there are reported as missing configuration, while the pods before serve', async () => {
  await tenant.deploy('shop', { functionId, target: 1, revisions: [files({ secretFiles: [{ name: 'db', secret: 'absent' }] })] });
  const fn = await tenant.waitFor('shop', (now) => readyOf(now)?.reason === 'ConfigurationMissing', 45_000);
  expect(readyOf(fn)?.message).toContain('secret "absent" not found');
  expect(await ask()).toMatchObject({ file: 'third' });
}, 60_000);
