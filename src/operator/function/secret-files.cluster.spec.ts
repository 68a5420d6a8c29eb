import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RevisionSpec } from '../../contract/function-resource.js';
import { ANNOTATION, LABEL } from '../../contract/names.js';
import type { KubernetesObject, Pod, ReplicaSet } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import { condition, isReady, TestOperator } from './testing/test-operator.js';
import { revision, type TestTenant, until } from './testing/test-tenant.js';

const LIVE = { as: 'files', updates: 'live' } as const;

let stage: TestOperator;
let tenant: TestTenant;
const functionId = randomUUID();

beforeAll(async () => {
  stage = await TestOperator.start();
  ({ tenant } = stage);
  await tenant.configMap('probe', { PROBE_FILE: '/var/run/secrets/fnplane/db/PASSWORD' });
  await write('first');
}, 240_000);

afterAll(() => stage?.remove(), 120_000);

function write(value: string): Promise<void> {
  return tenant.apply(RESOURCE.secret, { metadata: { name: 'shop-live' }, type: 'Opaque', data: { PASSWORD: Buffer.from(value).toString('base64') } } as never);
}

const files = (more: Partial<RevisionSpec> = {}): RevisionSpec => revision(1, stage.image, { configMap: 'probe', secretDelivery: LIVE, secretFiles: [{ name: 'db', secret: 'shop-live' }], ...more });

async function ofFunction<T extends KubernetesObject>(type: ResourceType): Promise<T[]> {
  return (await stage.client.list<T>(type, { namespace: tenant.namespace, labelSelector: `${LABEL.functionId}=${functionId}` })).items;
}

const ask = (): Promise<Record<string, string>> => stage.ask(functionId);

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
  await stage.client.patch(RESOURCE.pod, before!.metadata, { metadata: { annotations: { [ANNOTATION.liveSecrets]: 'second' } } });
  await until(async () => (await ask()).file === 'second', 30_000, 'the new value in the file');
  console.info(`live value after ${Math.round(performance.now() - started)} ms`);
  const pods = await ofFunction<Pod>(RESOURCE.pod);
  expect(pods.map(({ metadata, status }) => [metadata.uid, status?.containerStatuses?.[0]?.restartCount])).toEqual([[before!.metadata.uid, 0]]);
  expect((await ofFunction<ReplicaSet>(RESOURCE.replicaSet)).map(({ metadata }) => metadata.uid)).toEqual(sets);
}, 60_000);

test('what went from the secret is said, and makes no new pod', async () => {
  const [before] = await ofFunction<Pod>(RESOURCE.pod);
  await tenant.deploy('shop', { functionId, target: 1, revisions: [files({ missingValues: ['db/USER'] })] });
  const fn = await tenant.waitFor('shop', (now) => isReady(now) && condition(now)!.message.includes('USER'), 10_000);
  expect(condition(fn)?.message).toContain('The secret db has no USER any more; it had one when revision 1 was deployed.');
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
  const fn = await tenant.waitFor('shop', (now) => condition(now)?.reason === 'ConfigurationMissing', 45_000);
  expect(condition(fn)?.message).toContain('secret "absent" not found');
  expect(await ask()).toMatchObject({ file: 'third' });
}, 60_000);
