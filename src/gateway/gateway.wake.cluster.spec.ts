import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACCESS_LIST_KEY } from '../contract/access-list.js';
import type { FunctionResource } from '../contract/function-resource.js';
import { accessListName, ANNOTATION, FIELD_MANAGER, LABEL, SYSTEM_NAMESPACE } from '../contract/names.js';
import { ensureCrd } from '../platform/kubernetes/ensure-crd.js';
import { KubernetesClient } from '../platform/kubernetes/kubernetes-client.js';
import type { KubernetesObject, Node } from '../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../platform/kubernetes/resource-type.js';
import { GatewayRole } from '../roles/gateway.role.js';
import { SERVICE_NAME_LABEL } from './routing/endpoint-slice.policy.js';
import { actAsGateway, mayI } from './testing/gateway-identity.js';
import { TestPod, TestTenant, until } from './testing/gateway-rig.js';

const MANAGER = { fieldManager: 'fnplane-test' };
const NAME = 'asleep';

/** The test plays the operator: the function's pod is a server on the node's address, and its endpoints are the test's to write. */
describe('waking on a real API server', () => {
  let client: KubernetesClient;
  /** The role has the rights of a gateway's own account alone. */
  let narrow: KubernetesClient;
  let role: GatewayRole;
  let pod: TestPod;
  let nodeAddress: string;
  const tenant = new TestTenant('sleepy');
  const ref = { namespace: tenant.namespace, name: NAME };

  beforeAll(async () => {
    const path = process.env.KUBECONFIG;
    if (!path) throw new Error('KUBECONFIG must name the test cluster');
    client = new KubernetesClient({ cluster: 'test', source: { kind: 'file', path } });
    await ensureCrd(client, MANAGER.fieldManager);
    const { items: [node] } = await client.list<Node>(RESOURCE.node);
    nodeAddress = node!.status!.addresses!.find(({ type }) => type === 'InternalIP')!.address;
    await client.apply(RESOURCE.namespace, { metadata: { name: SYSTEM_NAMESPACE } }, MANAGER);
    await client.apply(RESOURCE.namespace, { metadata: { name: tenant.namespace, labels: { [LABEL.tenant]: tenant.id } } }, MANAGER);
    const list = Buffer.from(JSON.stringify(tenant.accessList())).toString('base64');
    await client.apply(RESOURCE.secret, { metadata: { name: accessListName(tenant.id), namespace: SYSTEM_NAMESPACE, labels: { [LABEL.component]: 'access-list' } }, data: { [ACCESS_LIST_KEY]: list } } as KubernetesObject, MANAGER);
    const resource = tenant.functionResource(NAME, { functionId: tenant.id, scaling: { min: 0, max: 1 } });
    await client.apply(RESOURCE.function, { metadata: ref, spec: resource.spec } as KubernetesObject, MANAGER);
    await scale(false);
    narrow = await actAsGateway(client, path);
    role = new GatewayRole({ listen: { host: '127.0.0.1', port: 0 }, client: narrow, podNetwork: 'direct', internalSecret: 'a secret of at least thirty-two characters', issuerTokens: { verify: () => Promise.reject(new Error('no tokens in this test')) }, tokenVerifier: { verify: () => Promise.reject(new Error('none')) } });
    await role.start();
    await until(() => role.readiness.ready, 20_000);
  });

  afterAll(async () => {
    await role?.stop(0);
    await client.delete(RESOURCE.secret, { namespace: SYSTEM_NAMESPACE, name: accessListName(tenant.id) });
    await client.delete(RESOURCE.function, ref);
    await client.delete(RESOURCE.namespace, { name: tenant.namespace });
    await Promise.all([client.close(), narrow?.close()]);
    await pod?.stop();
  });

  const scale = (active: boolean): Promise<unknown> => client.patchStatus(RESOURCE.function, ref, { servingRevision: 1, scale: { active, since: new Date().toISOString() } });

  const endpoints = (ready: boolean): Promise<unknown> => client.apply(RESOURCE.endpointSlice, {
    metadata: { name: `${NAME}-ours`, namespace: tenant.namespace, labels: { [LABEL.function]: NAME, [SERVICE_NAME_LABEL]: NAME, 'endpointslice.kubernetes.io/managed-by': MANAGER.fieldManager } },
    addressType: 'IPv4', endpoints: [{ addresses: [nodeAddress], conditions: { ready } }], ports: [{ name: 'http', port: pod.port, protocol: 'TCP' }],
  } as KubernetesObject, MANAGER);

  it.each<[string, string, 'system' | 'tenant' | undefined, boolean]>([
    ['watch', 'functions.fnplane.dev', undefined, true], ['patch', 'functions.fnplane.dev', 'tenant', true], ['list', 'endpointslices.discovery.k8s.io', undefined, true], ['watch', 'secrets', 'system', true],
    ['create', 'functions.fnplane.dev', 'tenant', false], ['delete', 'functions.fnplane.dev', 'tenant', false], ['patch', 'functions/status.fnplane.dev', 'tenant', false],
    ['get', 'secrets', 'tenant', false], ['list', 'secrets', undefined, false], ['patch', 'secrets', 'system', false], ['list', 'pods', 'tenant', false], ['get', 'pods/proxy', 'tenant', false],
    ['create', 'services/proxy', 'tenant', false], ['list', 'configmaps', 'tenant', false], ['patch', 'deployments.apps', 'tenant', false], ['create', 'pods', 'tenant', false], ['list', 'namespaces', undefined, false],
  ])('may %s %s (%s): %s', async (verb, resource, where, allowed) => {
    expect(await mayI(narrow, verb, resource, where === 'system' ? SYSTEM_NAMESPACE : where === 'tenant' ? tenant.namespace : undefined)).toBe(allowed);
  });

  it('marks the function, holds the request, and sends it on when the pod answers, before it is called ready', async () => {
    const startedAt = Date.now();
    const held = fetch(`${role.address}/sleepy/${NAME}`, { method: 'POST', body: 'kept', headers: { authorization: `Bearer ${tenant.key}` } });
    let marked: FunctionResource | undefined;
    await until(async () => {
      marked = await client.get<FunctionResource>(RESOURCE.function, ref) as FunctionResource;
      return marked.metadata.annotations?.[ANNOTATION.wake] !== undefined;
    }, 10_000);
    expect(Date.parse(marked!.metadata.annotations![ANNOTATION.wake]!)).toBeGreaterThan(Date.parse(marked!.status!.scale!.since));
    expect((marked!.metadata as { managedFields?: { manager: string }[] }).managedFields!.map(({ manager }) => manager)).toContain(FIELD_MANAGER.gateway);
    // What an operator does then: it says so and lets a pod start.
    pod = await new TestPod((request, response) => void request.pipe(response)).start(0, nodeAddress);
    await scale(true);
    await endpoints(false);
    const response = await held;
    expect([response.status, await response.text(), response.headers.get('x-fnplane-served-by')]).toEqual([200, 'kept', `${NAME}@1`]);
    await endpoints(true);
    expect((await fetch(`${role.address}/sleepy/${NAME}`, { headers: { authorization: `Bearer ${tenant.key}` } })).status).toBe(200);
    expect(role.loadReport().functions).toMatchObject([{ functionId: tenant.id, requests: 2 }]);
    expect(role.loadReport().functions[0]!.lastActiveAt).toBeGreaterThanOrEqual(startedAt);
  });
});
