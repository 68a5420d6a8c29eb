import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCESS_LIST_KEY, type AccessList } from '../../contract/access-list.js';
import { accessListName, LABEL, SYSTEM_NAMESPACE } from '../../contract/names.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { KubernetesObject } from '../../platform/kubernetes/kubernetes-object.js';
import { FakeApiServer } from '../../platform/kubernetes/testing/fake-api-server.js';
import { readAccessList } from '../auth/access-list.policy.js';
import { GatewayRig, TestTenant, until, type TestPod } from '../testing/gateway-rig.js';
import { ClusterRouteSource } from './cluster-route-source.js';

const FUNCTIONS = '/apis/fnplane.dev/v1/functions';
const SLICES = '/apis/discovery.k8s.io/v1/endpointslices';
const SECRETS = '/api/v1/secrets';

function secret(list: AccessList, name = accessListName(list.tenantId)): KubernetesObject {
  const data = { [ACCESS_LIST_KEY]: Buffer.from(JSON.stringify(list)).toString('base64') };
  return { metadata: { name, namespace: SYSTEM_NAMESPACE, labels: { [LABEL.component]: 'access-list' } }, data } as KubernetesObject;
}

describe('ClusterRouteSource', () => {
  let server: FakeApiServer;
  let client: KubernetesClient;
  let rig: GatewayRig;
  let pod: TestPod;
  const shop = new TestTenant('shop');

  beforeEach(async () => {
    server = new FakeApiServer();
    await server.start();
    client = new KubernetesClient({ cluster: 'fake', source: { kind: 'inline', kubeconfig: server.kubeconfig, trusted: true }, requestTimeoutMs: 500 });
    rig = new GatewayRig();
    server.put(FUNCTIONS, shop.functionResource('orders'));
    server.put(SECRETS, secret(shop.accessList()));
    await rig.start({ source: new ClusterRouteSource(client) });
    pod = await rig.pod();
    server.put(SLICES, shop.slice('orders', [pod]) as KubernetesObject);
  });
  afterEach(async () => {
    await rig.stop();
    await client.close();
    await server.stop();
  });

  const status = async (path = '/shop/orders'): Promise<number> => (await rig.fetch(shop, path)).status;

  it('serves what the cluster says, and follows it', async () => {
    await until(() => rig.gateway.ready);
    await until(async () => (await status()) === 200);
    server.put(FUNCTIONS, shop.functionResource('late'));
    server.put(SLICES, shop.slice('late', [pod]) as KubernetesObject);
    await until(async () => (await status('/shop/late')) === 200);
    server.remove(FUNCTIONS, shop.namespace, 'late');
    await until(async () => (await status('/shop/late')) === 404);
    server.remove(SECRETS, SYSTEM_NAMESPACE, accessListName(shop.id));
    await until(async () => (await status()) === 401);
    expect(server.requests.find(({ path }) => path.endsWith('endpointslices'))!.query.get('labelSelector')).toBe(LABEL.function);
    expect(server.requests.some(({ path }) => path === `/api/v1/namespaces/${SYSTEM_NAMESPACE}/secrets`)).toBe(true);
  });

  it('goes on serving while the API server is away, and catches up when it is back', async () => {
    await until(async () => (await status()) === 200);
    server.fail('watch', { kind: 'reset' }, 50);
    server.fail('list', { kind: 'status', status: 500 }, 50);
    server.endWatches('expired');
    for (let i = 0; i < 20; i++) expect(await status()).toBe(200);
    expect(rig.gateway.ready).toBe(true);
  });

  it('is not ready before it has seen everything, and becomes so by itself', async () => {
    const late = new FakeApiServer();
    await late.start();
    late.fail('list', { kind: 'status', status: 503 }, 4);
    const other = new KubernetesClient({ cluster: 'late', source: { kind: 'inline', kubeconfig: late.kubeconfig, trusted: true }, requestTimeoutMs: 500 });
    const second = await new GatewayRig().start({ source: new ClusterRouteSource(other) });
    expect(second.gateway.ready).toBe(false);
    await until(() => second.gateway.ready, 10_000);
    await second.stop();
    await other.close();
    await late.stop();
  });

  it('lets nobody in on a list it cannot read', async () => {
    await until(async () => (await status()) === 200);
    server.put(SECRETS, { metadata: { name: accessListName(shop.id), namespace: SYSTEM_NAMESPACE }, data: { [ACCESS_LIST_KEY]: 'bm90IGpzb24=' } } as KubernetesObject);
    await until(async () => (await status()) === 401);
  });
});

describe('readAccessList', () => {
  const shop = new TestTenant('shop');
  const read = (list: unknown, name = accessListName(shop.id)): unknown => readAccessList(secret(list as AccessList, name) as Parameters<typeof readAccessList>[0]);
  const good = shop.accessList({ members: [{ issuer: 'i', subject: 's' }] });

  it('takes a whole list', () => {
    expect(read(good)).toEqual(good);
  });

  it.each([
    ['another tenant\'s list under this name', { ...good, tenantId: new TestTenant('x').id }],
    ['no list', null], ['no keys', { ...good, keys: undefined }], ['a short hash', { ...good, keys: [{ id: 'a', hash: 'abc', expiresAt: null }] }],
    ['a wrong time', { ...good, keys: [{ ...good.keys[0], expiresAt: 'soon' }] }], ['a member without subject', { ...good, members: [{ issuer: 'i' }] }],
    ['no rate', { ...good, rateLimit: undefined }], ['a negative rate', { ...good, rateLimit: { perSecond: -1, burst: 1 } }],
  ])('refuses %s', (_name, list) => {
    expect(read(list)).toBeUndefined();
  });

  it('refuses a list under another name, and none at all', () => {
    expect(read(good, 'access-else')).toBeUndefined();
    expect(readAccessList({ metadata: { name: 'x' } })).toBeUndefined();
  });
});
