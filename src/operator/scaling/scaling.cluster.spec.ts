import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANNOTATION, revisionName } from '../../contract/names.js';
import type { FunctionResource } from '../../contract/function-resource.js';
import type { FunctionLoad, GatewayLoadReport } from '../../contract/load-report.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { Deployment, HorizontalPodAutoscaler } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { OperatorRole } from '../../roles/operator.role.js';
import { actAsOperator, removeOperatorIdentity } from '../function/testing/operator-identity.js';
import { pushProbeImage } from '../function/testing/probe-image.js';
import { revision, TestTenant, until } from '../function/testing/test-tenant.js';

const REGISTRY = process.env.FNPLANE_REGISTRY ?? '127.0.0.1:5010';

let client: KubernetesClient;
let operatorClient: KubernetesClient;
let operator: OperatorRole;
let tenant: TestTenant;
let image: string;
/** What the cluster's gateway reports. */
let loads: FunctionLoad[] = [];
let reports = 0;

const identity = (): string => `scaling-${tenant.id}`;

beforeAll(async () => {
  const path = process.env.KUBECONFIG;
  if (!path) throw new Error('KUBECONFIG must name the test cluster');
  client = new KubernetesClient({ cluster: 'test', source: { kind: 'file', path } });
  image = await pushProbeImage(REGISTRY);
  tenant = new TestTenant(client);
  await tenant.create();
  operatorClient = await actAsOperator(client, path, identity());
  operator = new OperatorRole({
    client: operatorClient, namespace: tenant.namespace, leaseName: identity(), scaling: { gateways: [report] },
  });
  operator.start();
  await until(async () => operator.readiness.detail === 'leader', 20_000, () => operator.readiness.detail);
}, 240_000);

afterAll(async () => {
  await operator?.stop();
  await client?.delete(RESOURCE.lease, { namespace: 'fnplane-system', name: identity() });
  await removeOperatorIdentity(client, identity());
  await tenant?.remove();
  await Promise.all([client?.close(), operatorClient?.close()]);
}, 120_000);

function report(): Promise<GatewayLoadReport> {
  reports += 1;
  return Promise.resolve({ instance: 'gateway', functions: loads });
}

const isReady = (fn: FunctionResource, reason: string): boolean =>
  fn.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True' && condition.reason === reason) ?? false;
const isAwake = (fn: FunctionResource): boolean => fn.status?.scale?.active === true && isReady(fn, 'Ready') && fn.status.readyReplicas === 1;
const isAsleep = (fn: FunctionResource): boolean => fn.status?.scale?.active === false && isReady(fn, 'Idle');

async function replicas(name: string): Promise<number | undefined> {
  return (await client.get<Deployment>(RESOURCE.deployment, { namespace: tenant.namespace, name: revisionName(name, 1) })).spec?.replicas;
}

test('a function that keeps no pods proves itself, sleeps when nobody asks, and wakes in each way', async () => {
  const functionId = randomUUID();
  const load = (more: Partial<FunctionLoad>): FunctionLoad => ({ functionId, inFlight: 0, waiting: 0, requests: 0, lastActiveAt: 0, ...more });
  await tenant.deploy('naps', { functionId, target: 1, revisions: [revision(1, image)], scaling: { min: 0, max: 1, idleTimeoutSeconds: 3 } });
  await tenant.waitFor('naps', isAwake, 20_000);
  await tenant.waitFor('naps', isAsleep, 20_000);
  expect(await replicas('naps')).toBe(0);

  const annotations = { [ANNOTATION.wake]: new Date().toISOString() };
  await client.patch(RESOURCE.function, { namespace: tenant.namespace, name: 'naps' }, { metadata: { annotations } }, { fieldManager: 'fnplane-test' });
  await tenant.waitFor('naps', isAwake, 20_000);
  loads = [load({ inFlight: 1, requests: 1 })];
  // With a request under way it does not sleep: its timeout passes twice, as reports come every 2 s.
  const since = (await tenant.get('naps')).status?.scale?.since;
  const enough = reports + 4;
  await until(async () => reports >= enough, 20_000, 'the gateway to be asked four times');
  expect((await tenant.get('naps')).status?.scale).toEqual({ active: true, since });
  loads = [load({ requests: 1 })];
  await tenant.waitFor('naps', isAsleep, 20_000);

  expect(await operator.waker.wake({ namespace: tenant.namespace, name: 'naps', functionId }, AbortSignal.timeout(5_000))).toBeUndefined();
  await tenant.waitFor('naps', isAwake, 20_000);
  await tenant.waitFor('naps', isAsleep, 20_000);

  loads = [load({ waiting: 1, requests: 1 })];
  await tenant.waitFor('naps', isAwake, 20_000);
  loads = [];
}, 180_000);

test('a function that scales by load has an autoscaler, whose number of pods is left alone', async () => {
  const functionId = randomUUID();
  await tenant.deploy('grows', { functionId, target: 1, revisions: [revision(1, image)], scaling: { min: 2, max: 5, metric: 'requests', target: 100 } });
  await tenant.waitFor('grows', (fn) => isReady(fn, 'Ready') && fn.status?.readyReplicas === 2, 30_000);
  const name = { namespace: tenant.namespace, name: revisionName('grows', 1) };
  expect(await client.get<HorizontalPodAutoscaler>(RESOURCE.horizontalPodAutoscaler, name)).toMatchObject({ spec: { minReplicas: 2, maxReplicas: 5 } });

  // As the autoscaler does it.
  await client.patch(RESOURCE.deployment, name, { spec: { replicas: 3 } }, { subresource: 'scale' });
  await tenant.waitFor('grows', (fn) => fn.status?.readyReplicas === 3, 30_000);
  expect(await replicas('grows')).toBe(3);

  // Repaired when somebody removes it; gone when the function asks for a fixed number.
  await client.delete(RESOURCE.horizontalPodAutoscaler, name);
  await until(async () => (await client.find(RESOURCE.horizontalPodAutoscaler, name)) !== null, 10_000, 'the autoscaler to be made again');
  await tenant.deploy('grows', { functionId, target: 1, revisions: [revision(1, image)], scaling: { min: 1, max: 1 } });
  await until(async () => (await client.find(RESOURCE.horizontalPodAutoscaler, name)) === null && (await replicas('grows')) === 1, 10_000, 'one pod without an autoscaler');
}, 120_000);
