import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureBinary, METRICS_SERVER } from '../../../deploy/local/cluster/builds.ts';
import { cacheFolder } from '../../../deploy/local/cluster/layout.ts';
import { Progress } from '../../../deploy/local/cluster/progress.ts';
import { KafkaBroker } from '../../../deploy/local/kafka/broker.ts';
import { ensureKafka } from '../../../deploy/local/kafka/jars.ts';
import { TestTopics } from '../../../deploy/local/kafka/topics.ts';
import { LocalMetricsServer } from '../../../deploy/local/metrics-server/server.ts';
import type { Condition, FunctionResource, ScalingSpec } from '../../contract/function-resource.js';
import { ANNOTATION, revisionName, SYSTEM_NAMESPACE } from '../../contract/names.js';
import { findCondition } from '../../platform/kubernetes/conditions.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { Deployment, HorizontalPodAutoscaler } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { parseAddressRange } from '../../platform/network/address-range.policy.js';
import { OperatorRole } from '../../roles/operator.role.js';
import { actAsOperator, admitToEnvironments, removeOperatorIdentity } from '../function/testing/operator-identity.js';
import { pushProbeImage } from '../function/testing/probe-image.js';
import { revision, TestTenant, until } from '../function/testing/test-tenant.js';
import { makeServingCertificate, type ServingCertificate } from '../metrics-api/certificates.js';
import { METRICS_SERVICE } from '../metrics-api/manifests/registration.js';
import { ownAddress } from '../metrics-api/testing/own-address.js';

const REGISTRY = process.env.FNPLANE_REGISTRY ?? '127.0.0.1:5010';
const MANAGER = { fieldManager: 'fnplane-test' };
const PASSWORD = 'correct horse';

let client: KubernetesClient;
let operatorClient: KubernetesClient;
let operator: OperatorRole;
let tenant: TestTenant;
let image: string;
let metricsServer: LocalMetricsServer;
let kafka: KafkaBroker;
let topics: TestTopics;
let serving: ServingCertificate;

const identity = (): string => `metrics-${tenant.id}`;

beforeAll(async () => {
  const path = process.env.KUBECONFIG;
  if (!path) throw new Error('KUBECONFIG must name the test cluster');
  client = new KubernetesClient({ cluster: 'test', source: { kind: 'file', path } });
  const progress = new Progress(true);
  const [binary, jars] = await Promise.all([ensureBinary(cacheFolder(), METRICS_SERVER, progress), ensureKafka(cacheFolder(), progress)]);
  image = await pushProbeImage(REGISTRY);
  tenant = new TestTenant(client);
  await tenant.create();
  const address = ownAddress();
  metricsServer = await LocalMetricsServer.start({ binary, kubeconfig: path, address });
  await registerMetricsServer(address, metricsServer.port);
  serving = await makeServingCertificate({ dnsNames: ['broker.example'], addresses: ['127.0.0.1'], lifetimeMs: 3_600_000 });
  kafka = await KafkaBroker.start({ jars, secured: { ...serving, user: 'tenant', password: PASSWORD } });
  topics = new TestTopics(kafka.address);
  await topics.create('orders', 3);
  operatorClient = await actAsOperator(client, path, identity());
  await admitToEnvironments(client, tenant.namespace, identity());
  operator = new OperatorRole({
    client: operatorClient, namespace: tenant.namespace, leaseName: identity(),
    scaling: { metricsApi: { listen: { host: address, port: 0 }, address }, brokers: { allowed: [parseAddressRange('127.0.0.1/32')!] }, lagIntervalMs: 1_000, gateways: [() => Promise.resolve({ instance: 'gateway', functions: [] })] },
  });
  operator.start();
  await until(async () => operator.readiness.detail === 'leader', 20_000, () => operator.readiness.detail);
}, 900_000);

afterAll(async () => {
  await operator?.stop();
  await client?.delete(RESOURCE.apiService, { name: METRICS_API });
  await Promise.all([metricsServer?.stop(), topics?.close().catch(() => undefined)]);
  await kafka?.remove();
  await client?.delete(RESOURCE.lease, { namespace: SYSTEM_NAMESPACE, name: identity() });
  await Promise.all([METRICS_SERVICE, SERVER].flatMap((name) => [RESOURCE.service, RESOURCE.endpointSlice].map((type) => client?.delete(type, { namespace: SYSTEM_NAMESPACE, name }))));
  await removeOperatorIdentity(client, identity());
  await tenant?.remove();
  await Promise.all([client?.close(), operatorClient?.close()]);
}, 120_000);

const SERVER = 'metrics-server';
const METRICS_API = 'v1beta1.metrics.k8s.io';

/** As its own manifests do, but for a server that runs beside the cluster. */
async function registerMetricsServer(address: string, port: number): Promise<void> {
  const metadata = { name: SERVER, namespace: SYSTEM_NAMESPACE };
  await client.apply(RESOURCE.namespace, { metadata: { name: SYSTEM_NAMESPACE } }, MANAGER);
  await client.apply(RESOURCE.service, { metadata, spec: { ports: [{ name: 'https', port: 443, targetPort: port, protocol: 'TCP' }] } } as never, MANAGER);
  await client.apply(RESOURCE.endpointSlice, {
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': SERVER } }, addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }], ports: [{ name: 'https', port, protocol: 'TCP' }],
  } as never, MANAGER);
  await client.apply(RESOURCE.apiService, {
    metadata: { name: METRICS_API },
    spec: { group: 'metrics.k8s.io', version: 'v1beta1', groupPriorityMinimum: 100, versionPriority: 100, insecureSkipTLSVerify: true, service: { ...metadata, port: 443 } },
  } as never, MANAGER);
}

const scalingActive = (fn: FunctionResource): Condition | undefined => findCondition(fn.status?.conditions, 'ScalingActive');
const isReady = (fn: FunctionResource): boolean => findCondition(fn.status?.conditions, 'Ready')?.status === 'True';
const isAsleep = (fn: FunctionResource): boolean => fn.status?.scale?.active === false && isReady(fn);

async function replicas(name: string): Promise<number | undefined> {
  return (await client.get<Deployment>(RESOURCE.deployment, { namespace: tenant.namespace, name: revisionName(name, 1) })).spec?.replicas;
}

async function autoscalerOf(name: string): Promise<HorizontalPodAutoscaler | null> {
  return client.find<HorizontalPodAutoscaler>(RESOURCE.horizontalPodAutoscaler, { namespace: tenant.namespace, name: revisionName(name, 1) });
}

async function scalesTo(name: string, wanted: number, deadlineMs = 60_000): Promise<void> {
  let seen: HorizontalPodAutoscaler | null = null;
  await until(async () => {
    seen = await autoscalerOf(name);
    return (await replicas(name)) === wanted;
  }, deadlineMs, () => `${name} at ${wanted}: ${JSON.stringify(seen?.status)}`);
}

describe.concurrent('Kubernetes\' own autoscaler', () => {
  test('adds pods to a function that uses more of its CPU than it shall, as its metrics-server measures it; the function tells both', async () => {
    await tenant.configMap('burn', { PROBE_MODE: 'burn' });
    await tenant.deploy('burns', { functionId: randomUUID(), target: 1, revisions: [revision(1, image, { configMap: 'burn' })], scaling: { min: 1, max: 3, metric: 'cpu', target: 50 } });
    await tenant.waitFor('burns', isReady, 60_000);
    await tenant.waitFor('burns', ({ status }) => (status?.readyReplicas ?? 0) > 1, 150_000).catch((error: Error) => { throw new Error(`${error.message}\n${metricsServer.lastWords}`); });
    const fn = await tenant.waitFor('burns', (found) => scalingActive(found)?.status === 'True' && (found.status?.scale?.current ?? 0) > 50, 60_000);
    expect(scalingActive(fn)).toMatchObject({ reason: 'MetricRead', message: 'The number of pods follows percent of their CPU: 50 for each.' });
    expect((await autoscalerOf('burns'))?.status?.currentMetrics?.[0]?.resource?.current.averageUtilization).toBeGreaterThan(50);
  }, 300_000);

  test('follows what waits in Kafka, from no pods to as many as help and back; brokers that are away are named, and stop nobody else', async () => {
    const data = { KAFKA_USERNAME: 'tenant', KAFKA_PASSWORD: PASSWORD, KAFKA_CA: serving.authority };
    await tenant.apply(RESOURCE.secret, { metadata: { name: 'reads-kafka' }, stringData: data });
    const scaling: ScalingSpec = {
      min: 0, max: 5, metric: 'kafka-lag', target: 100, idleTimeoutSeconds: 2, scaleDownDelaySeconds: 0,
      kafka: { brokers: [kafka.securedAddress], topic: 'orders', consumerGroup: 'shop', tls: true, sasl: 'SCRAM-SHA-256', secret: 'reads-kafka' },
    };
    await tenant.deploy('reads', { functionId: randomUUID(), target: 1, revisions: [revision(1, image)], scaling });
    await tenant.deploy('other', { functionId: randomUUID(), target: 1, revisions: [revision(1, image)], scaling: { min: 0, max: 1, idleTimeoutSeconds: 15 } });
    await tenant.waitFor('reads', (fn) => isAsleep(fn) && scalingActive(fn)?.status === 'True' && fn.status?.scale?.current === 0, 60_000);
    expect(await replicas('reads')).toBe(0);

    // 500 messages are work for five pods, of which three can read: the topic has three partitions.
    for (const [partition, count] of [[0, 200], [1, 200], [2, 100]] as const) await topics.produce('orders', partition, count);
    await tenant.waitFor('reads', ({ status }) => status?.scale?.active === true && status.scale.current === 500, 20_000);
    await scalesTo('reads', 3);
    expect((await autoscalerOf('reads'))?.spec).toMatchObject({ maxReplicas: 5, metrics: [{ type: 'External', external: { target: { averageValue: '100' } } }] });
    await tenant.waitFor('reads', ({ status }) => status?.readyReplicas === 3, 30_000);

    await topics.commit('shop', 'orders', new Map([[0, 200n], [1, 200n], [2, 0n]]));
    await topics.produce('orders', 2, 50);
    await scalesTo('reads', 2);
    await topics.commit('shop', 'orders', new Map([[2, 150n]]));
    await tenant.waitFor('reads', isAsleep, 30_000);
    expect(await replicas('reads')).toBe(0);

    await tenant.waitFor('other', isAsleep, 30_000);
    await kafka.stop();
    const told = await tenant.waitFor('reads', (fn) => scalingActive(fn)?.status === 'False', 30_000);
    expect(scalingActive(told)).toMatchObject({ reason: 'BrokerUnreachable', message: expect.stringContaining(`The broker ${kafka.securedAddress} could not be reached.`) });
    expect(isReady(told)).toBe(true);
    await client.patch(RESOURCE.function, { namespace: tenant.namespace, name: 'other' }, { metadata: { annotations: { [ANNOTATION.wake]: new Date().toISOString() } } }, MANAGER);
    await tenant.waitFor('other', ({ status }) => status?.scale?.active === true && status.readyReplicas === 1, 20_000);
    expect(scalingActive(await tenant.get('other'))).toBeUndefined();

    await kafka.resume();
    await tenant.waitFor('reads', (fn) => scalingActive(fn)?.status === 'True', 60_000);
  }, 300_000);
});
