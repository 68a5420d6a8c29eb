import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LABEL, revisionName, SYSTEM_NAMESPACE } from '../../contract/names.js';
import type { FunctionResource } from '../../contract/function-resource.js';
import { ensureCrd } from '../../platform/kubernetes/ensure-crd.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { Deployment, HorizontalPodAutoscaler } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { FunctionCaches } from '../function/function.caches.js';
import { buildDeployment } from '../function/manifests/deployment.js';
import { actAsOperator, removeOperatorIdentity } from '../function/testing/operator-identity.js';
import { pushProbeImage } from '../function/testing/probe-image.js';
import { revision, TestTenant, until } from '../function/testing/test-tenant.js';
import { planAutoscalers } from '../scaling/autoscaler.plan.js';
import { answers } from '../scaling/load/load-collector.js';
import { matchesSelector, onlyValue } from './label-selector.policy.js';
import { METRICS_SERVICE } from './manifests/registration.js';
import { MetricsApi } from './metrics-api.js';
import { ownAddress } from './testing/own-address.js';

const REGISTRY = process.env.FNPLANE_REGISTRY ?? '127.0.0.1:5010';
const MANAGER = { fieldManager: 'fnplane-test' };
const APIS = '/apis/custom.metrics.k8s.io/v1beta2';

let client: KubernetesClient;
let operatorClient: KubernetesClient;
let tenant: TestTenant;
let caches: FunctionCaches;
let metrics: MetricsApi;
let image: string;
/** Requests a second that come for the function, whichever of its pods answer them. */
let arriving = 250;

const name = (): string => `metrics-${tenant.id}`;

beforeAll(async () => {
  const path = process.env.KUBECONFIG;
  if (!path) throw new Error('KUBECONFIG must name the test cluster');
  client = new KubernetesClient({ cluster: 'test', source: { kind: 'file', path } });
  tenant = new TestTenant(client);
  image = await pushProbeImage(REGISTRY);
  await ensureCrd(client, 'fnplane-test');
  await tenant.create();
  // With no more rights than an installation gives it.
  operatorClient = await actAsOperator(client, path, name());
  caches = new FunctionCaches(operatorClient, { namespace: tenant.namespace });
  caches.start();
  await caches.synced(30_000);
  const address = ownAddress();
  metrics = new MetricsApi({
    client: operatorClient, install: false, address, listen: { host: address, port: 0 },
    pods: (namespace, selector) => caches.pods.byIndex('function', onlyValue(selector, LABEL.functionId) ?? '').filter(({ metadata }) => metadata.namespace === namespace && matchesSelector(selector, metadata.labels)),
    loadOf: () => {
      const ready = caches.pods.list().filter(answers).length;
      return ready === 0 ? undefined : { perSecond: arriving / ready, concurrency: 1, at: Date.now(), windowSeconds: 10 };
    },
    lagOf: () => undefined,
  });
  metrics.start();
  await until(async () => metrics.notServing === undefined, 30_000, () => metrics.notServing ?? '');
}, 240_000);

afterAll(async () => {
  await metrics?.stop(false);
  await caches?.stop();
  await Promise.all([RESOURCE.service, RESOURCE.endpointSlice].map((type) => client?.delete(type, { namespace: SYSTEM_NAMESPACE, name: METRICS_SERVICE })));
  await removeOperatorIdentity(client, name());
  await tenant?.remove();
  await Promise.all([client?.close(), operatorClient?.close()]);
}, 120_000);

test('the API server finds the metrics', async () => {
  await until(async () => (await client.raw('GET', APIS).catch(() => '')).includes('http_requests_per_second'), 30_000, 'the API to be available');
});

test('a function that two pods bear at 250 requests a second, 100 for each, is scaled to three by Kubernetes\' own autoscaler', async () => {
  const functionId = randomUUID();
  const fn = await tenant.deploy('shop', { functionId, target: 1, revisions: [revision(1, image)], scaling: { min: 2, max: 10, metric: 'requests', target: 100 } });
  const deployment = { namespace: tenant.namespace, name: revisionName('shop', 1) };
  await client.apply(RESOURCE.deployment, buildDeployment(fn as FunctionResource, revision(1, image), 2), MANAGER);
  await until(async () => (await client.get<Deployment>(RESOURCE.deployment, deployment)).status?.readyReplicas === 2, 60_000, 'two pods to be ready');
  for (const { type, manifest } of planAutoscalers(fn, [{ revision: 1, metric: 'requests', percent: 100, min: 2, max: 10 }]).applies) await operatorClient.apply(type, manifest, MANAGER);

  let seen: HorizontalPodAutoscaler | undefined;
  await until(async () => {
    seen = await client.get<HorizontalPodAutoscaler>(RESOURCE.horizontalPodAutoscaler, deployment);
    return (await client.get<Deployment>(RESOURCE.deployment, deployment)).status?.readyReplicas === 3;
  }, 90_000, () => JSON.stringify(seen?.status));
  expect(seen?.spec?.maxReplicas).toBe(10);

  // What it wrote back compares equal: nothing is left to apply.
  await until(async () => {
    seen = await client.get<HorizontalPodAutoscaler>(RESOURCE.horizontalPodAutoscaler, deployment);
    return seen.status?.conditions?.some(({ type, status }) => type === 'ScalingActive' && status === 'True') ?? false;
  }, 30_000, () => JSON.stringify(seen?.status));
  expect(planAutoscalers(fn, [{ revision: 1, metric: 'requests', percent: 100, min: 2, max: 10 }], [seen!])).toEqual({ applies: [], removals: [] });
  // 83 for each of three is within the autoscaler's tolerance of no more: it stays.
  expect((await client.get<Deployment>(RESOURCE.deployment, deployment)).spec?.replicas).toBe(3);

  arriving = 600;
  await until(async () => (await client.get<Deployment>(RESOURCE.deployment, deployment)).spec?.replicas === 6, 60_000, () => JSON.stringify(seen?.status));
}, 240_000);

test('somebody without the right is refused by the cluster\'s own authorization', async () => {
  const path = `${APIS}/namespaces/${tenant.namespace}/pods/*/http_requests_per_second?labelSelector=${LABEL.function}%3Dshop`;
  expect(JSON.parse(await client.raw('GET', path))).toMatchObject({ kind: 'MetricValueList' });
  await expect(operatorClient.raw('GET', path)).rejects.toThrow(/cannot get resource/);
});

test('taken back, it leaves nothing registered', async () => {
  await metrics.stop(false);
  expect(await client.find(RESOURCE.apiService, { name: 'v1beta2.custom.metrics.k8s.io' })).toBeNull();
  expect(await client.find(RESOURCE.apiService, { name: 'v1beta1.custom.metrics.k8s.io' })).toBeNull();
  expect(await client.find(RESOURCE.apiService, { name: 'v1beta1.external.metrics.k8s.io' })).toBeNull();
});
