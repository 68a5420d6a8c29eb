import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACCESS_LIST_KEY } from '../contract/access-list.js';
import { accessListName, FIELD_MANAGER, LABEL, SYSTEM_NAMESPACE } from '../contract/names.js';
import { ensureCrd } from '../platform/kubernetes/ensure-crd.js';
import { KubernetesClient } from '../platform/kubernetes/kubernetes-client.js';
import type { KubernetesObject, Lease, Node } from '../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../platform/kubernetes/resource-type.js';
import { GatewayRole } from '../roles/gateway.role.js';
import { SERVICE_NAME_LABEL } from './routing/endpoint-slice.policy.js';
import { TestPod, TestTenant, until } from './testing/gateway-rig.js';

/** With a Service that selects nothing, addresses are ours to name. The API server's proxy reads them from here. */
const ENDPOINTS: ResourceType = { group: '', version: 'v1', plural: 'endpoints', kind: 'Endpoints', namespaced: true };
const MANAGER = { fieldManager: 'fnplane-test' };

describe('a gateway on a real API server', () => {
  let client: KubernetesClient;
  let pod: TestPod;
  let nodeAddress: string;
  const tenant = new TestTenant('shop');
  const roles: GatewayRole[] = [];

  beforeAll(async () => {
    const path = process.env.KUBECONFIG;
    if (!path) throw new Error('KUBECONFIG must name the test cluster');
    client = new KubernetesClient({ cluster: 'test', source: { kind: 'file', path } });
    await ensureCrd(client, MANAGER.fieldManager);
    const { items: [node] } = await client.list<Node>(RESOURCE.node);
    nodeAddress = node!.status!.addresses!.find(({ type }) => type === 'InternalIP')!.address;
    pod = await new TestPod((request, response) => void request.pipe(response)).start(0, nodeAddress);
    await client.apply(RESOURCE.namespace, { metadata: { name: SYSTEM_NAMESPACE } }, MANAGER);
    await client.apply(RESOURCE.namespace, { metadata: { name: tenant.namespace, labels: { [LABEL.tenant]: tenant.id } } }, MANAGER);
    await client.apply(RESOURCE.secret, accessSecret(), MANAGER);
    await createPod();
    await deploy('echo');
  });

  afterAll(async () => {
    for (const role of roles) await role.stop(0).catch(() => undefined);
    await client.delete(RESOURCE.secret, { namespace: SYSTEM_NAMESPACE, name: accessListName(tenant.id) });
    for (const name of ['echo', 'late']) await client.delete(RESOURCE.function, { namespace: tenant.namespace, name });
    await client.delete(RESOURCE.namespace, { name: tenant.namespace });
    await client.close();
    await pod.stop();
  });

  function accessSecret(): KubernetesObject {
    const list = Buffer.from(JSON.stringify(tenant.accessList())).toString('base64');
    return { metadata: { name: accessListName(tenant.id), namespace: SYSTEM_NAMESPACE, labels: { [LABEL.component]: 'access-list' } }, data: { [ACCESS_LIST_KEY]: list } } as KubernetesObject;
  }

  /** The API server's proxy goes to addresses of pods only: one that nobody schedules, with the test server's address in its status. */
  async function createPod(): Promise<void> {
    const metadata = { name: 'echo-r00001-a-b', namespace: tenant.namespace };
    const container = { name: 'function', image: 'registry.test/never-pulled' };
    await client.create(RESOURCE.pod, { metadata, spec: { schedulerName: 'nobody', containers: [container] } } as KubernetesObject);
    await client.patchStatus(RESOURCE.pod, metadata, { podIP: nodeAddress, podIPs: [{ ip: nodeAddress }] });
  }

  /** Where an operator works on the cluster, it takes the Services of these functions over, and their Endpoints with them. */
  async function hasOperator(): Promise<boolean> {
    const { items } = await client.list<Lease>(RESOURCE.lease, { namespace: SYSTEM_NAMESPACE });
    return items.some(({ metadata, spec }) => metadata.name === FIELD_MANAGER.operator && Boolean(spec?.holderIdentity) && Date.now() - Date.parse(String(spec?.renewTime)) < 60_000);
  }

  function slice(name: string): KubernetesObject {
    const labels = { [LABEL.function]: name, [SERVICE_NAME_LABEL]: name, 'endpointslice.kubernetes.io/managed-by': MANAGER.fieldManager };
    const endpoint = { addresses: [nodeAddress], conditions: { ready: true }, targetRef: { kind: 'Pod', namespace: tenant.namespace, name: 'echo-r00001-a-b' } };
    return { metadata: { name: `${name}-ours`, namespace: tenant.namespace, labels }, addressType: 'IPv4', endpoints: [endpoint], ports: [{ name: 'http', port: pod.port, protocol: 'TCP' }] } as KubernetesObject;
  }

  function endpoints(name: string, port: number): KubernetesObject {
    const target = { kind: 'Pod', namespace: tenant.namespace, name: 'echo-r00001-a-b' };
    return {
      metadata: { name, namespace: tenant.namespace, labels: { [LABEL.function]: name } },
      subsets: [{ addresses: [{ ip: nodeAddress, targetRef: target }], ports: [{ name: 'http', port, protocol: 'TCP' }] }],
    } as KubernetesObject;
  }

  async function deploy(name: string): Promise<void> {
    const metadata = { name, namespace: tenant.namespace, labels: { [LABEL.function]: name } };
    const resource = tenant.functionResource(name);
    await client.apply(RESOURCE.function, { metadata: { name, namespace: tenant.namespace }, spec: { ...resource.spec, functionId: tenant.id } } as KubernetesObject, MANAGER);
    await client.apply(RESOURCE.service, { metadata, spec: { ports: [{ name: 'http', port: 80, targetPort: pod.port, protocol: 'TCP' }] } } as KubernetesObject, MANAGER);
    await client.apply(RESOURCE.endpointSlice, slice(name), MANAGER);
    await client.apply(ENDPOINTS, endpoints(name, pod.port), MANAGER);
  }

  async function start(podNetwork: 'direct' | 'proxy' | 'auto'): Promise<GatewayRole> {
    const role = new GatewayRole({ listen: { host: '127.0.0.1', port: 0 }, client, podNetwork, internalSecret: 'a secret of at least thirty-two characters', issuerTokens: { verify: () => Promise.reject(new Error('no tokens in this test')) }, tokenVerifier: { verify: () => Promise.reject(new Error('none')) } });
    roles.push(role);
    await role.start();
    await until(() => role.readiness.ready, 20_000);
    return role;
  }

  const ask = (role: GatewayRole, path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${role.address}${path}`, { ...init, headers: { authorization: `Bearer ${tenant.key}`, ...(init.headers as Record<string, string>) } });

  it.for(['direct', 'proxy'] as const)('serves functions it learns of, %s', async (mode, { skip }) => {
    if (mode === 'proxy') skip(await hasOperator(), 'an operator works on this cluster');
    const role = await start(mode);
    await until(async () => (await ask(role, '/shop/echo')).status === 200, 20_000);
    const body = 'x'.repeat(300_000);
    const response = await ask(role, '/shop/echo/a%20b?x=1&y', { method: 'POST', body, headers: { 'impersonate-user': 'nobody', 'x-own': 'kept' } });
    expect([response.status, (await response.text()).length, response.headers.get('x-fnplane-served-by')]).toEqual([200, body.length, 'echo@1']);
    expect(pod.requests.at(-1)).toMatchObject({ method: 'POST', url: '/a%20b?x=1&y' });
    expect(pod.requests.at(-1)!.headers).toMatchObject({ 'x-own': 'kept' });
    expect(pod.requests.at(-1)!.headers).not.toHaveProperty('authorization');
    expect(role.mode()).toBe(mode);
    await role.stop(1000);
  });

  it('finds out by itself, and follows changes', async () => {
    const role = await start('auto');
    await until(async () => (await ask(role, '/shop/echo')).status === 200, 20_000);
    expect(role.mode()).toBe('direct');
    await deploy('late');
    await until(async () => (await ask(role, '/shop/late')).status === 200, 20_000);
    await client.delete(RESOURCE.function, { namespace: tenant.namespace, name: 'late' });
    await until(async () => (await ask(role, '/shop/late')).status === 404, 20_000);
    await role.stop(1000);
  });

  it('tells the API server\'s words from a function\'s', async ({ skip }) => {
    skip(await hasOperator(), 'an operator works on this cluster');
    const proxied = await start('proxy');
    await client.apply(ENDPOINTS, endpoints('echo', 1), MANAGER);
    await until(async () => {
      const response = await ask(proxied, '/shop/echo');
      return response.status === 503 && ['FUNCTION_NOT_READY', 'CLUSTER_UNREACHABLE'].includes((await response.json() as { code: string }).code);
    }, 20_000);
  });
});
