import { afterEach, beforeEach, expect, test } from 'vitest';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { OwnerReference } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, resourcePath } from '../../platform/kubernetes/resource-type.js';
import { FakeApiServer } from '../../platform/kubernetes/testing/fake-api-server.js';
import { ChildApplier } from './child-applier.js';
import { buildDeployment } from './manifests/deployment.js';
import { buildService } from './manifests/service.js';
import { functionOf, IMAGE } from './testing/observed.js';
import { revision } from './testing/test-tenant.js';

const fn = functionOf();
const manifest = buildService(fn, 1, undefined);
const CONFLICT = { kind: 'status', status: 409, reason: 'Conflict', message: 'Apply failed with 1 conflict: conflict with "kubectl": .spec.selector' } as const;

let server: FakeApiServer;
let client: KubernetesClient;
let applier: ChildApplier;

beforeEach(async () => {
  server = new FakeApiServer();
  await server.start();
  client = new KubernetesClient({ cluster: 'fake', source: { kind: 'inline', kubeconfig: server.kubeconfig, trusted: true }, requestTimeoutMs: 1_000 });
  applier = new ChildApplier(client);
});

afterEach(async () => {
  await client.close();
  await server.stop();
});

const patches = () => server.requests.filter(({ verb }) => verb === 'patch').map(({ query, body }) => ({ manager: query.get('fieldManager'), force: query.get('force'), body }));
const standing = (ownerReferences: OwnerReference[]) => server.put(resourcePath(RESOURCE.service, {}), { metadata: { ...manifest.metadata, ownerReferences } });

test('what is not known to stand is made without force, and what is known is written with it', async () => {
  await applier.apply(fn, { type: RESOURCE.service, manifest, observed: undefined });
  await applier.apply(fn, { type: RESOURCE.service, manifest, observed: manifest });
  expect(patches()).toMatchObject([{ manager: 'fnplane-operator', force: 'false' }, { manager: 'fnplane-operator', force: 'true' }]);
});

test('its own object that lost its labels is taken back', async () => {
  standing([{ apiVersion: 'fnplane.dev/v1', kind: 'Function', name: 'shop', uid: 'fn-uid' }]);
  server.fail('patch', CONFLICT);
  await applier.apply(fn, { type: RESOURCE.service, manifest, observed: undefined });
  expect(patches().map(({ force }) => force)).toEqual(['false', 'true']);
});

test('one that went meanwhile is made', async () => {
  server.fail('patch', CONFLICT);
  await applier.apply(fn, { type: RESOURCE.service, manifest, observed: undefined });
  expect(patches().map(({ force }) => force)).toEqual(['false', 'true']);
});

test.each([['nobody\'s', []], ['an earlier function\'s', [{ apiVersion: 'fnplane.dev/v1', kind: 'Function', name: 'shop', uid: 'another' }]]])('%s object of that name is left alone, and named', async (_whose, owners) => {
  standing(owners);
  server.fail('patch', CONFLICT);
  await expect(applier.apply(fn, { type: RESOURCE.service, manifest, observed: undefined })).rejects.toMatchObject({
    code: 'KUBERNETES_REFUSED', message: 'a Service named shop that is not the platform\'s stands in the way: remove or rename it',
  });
  expect(patches()).toHaveLength(1);
});

test('other failures are passed on', async () => {
  server.fail('patch', { kind: 'status', status: 503 });
  await expect(applier.apply(fn, { type: RESOURCE.service, manifest, observed: undefined })).rejects.toMatchObject({ code: 'KUBERNETES_UNAVAILABLE' });
});

test('a number of pods is held by a manager of its own before the operator gives it up', async () => {
  const deployment = buildDeployment(fn, revision(1, IMAGE), undefined);
  await applier.apply(fn, { type: RESOURCE.deployment, manifest: deployment, observed: deployment, handOver: 5 });
  expect(patches()).toMatchObject([{ manager: 'fnplane-operator-hand-over', body: { spec: { replicas: 5 } } }, { manager: 'fnplane-operator' }]);
  expect(patches()[1]?.body).not.toHaveProperty('spec.replicas');
});
