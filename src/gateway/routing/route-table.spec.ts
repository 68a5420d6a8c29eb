import { describe, expect, it } from 'vitest';
import type { RevisionSpec } from '../../contract/function-resource.js';
import { AccessDirectory } from '../auth/access-directory.js';
import { GatewayMetrics } from '../counters/gateway-metrics.js';
import { TestTenant } from '../testing/gateway-rig.js';
import { pickUpstream } from '../upstream/pick-upstream.policy.js';
import { Upstream } from '../upstream/upstream.js';
import { endpointId, endpointsOf, revisionOfPod, type Endpoint, type EndpointSlice } from './endpoint-slice.policy.js';
import type { FunctionRoute, UpstreamFactory } from './function-route.js';
import { RouteTable } from './route-table.js';

class FakeUpstream extends Upstream {
  readonly transparent = true;
  closed = false;
  dispatch(): void {}
  protected close(): void {
    this.closed = true;
  }
}

class FakeFactory implements UpstreamFactory {
  mode: 'direct' | 'proxy' | undefined = 'direct';
  readonly made: FakeUpstream[] = [];
  readonly probed: Endpoint[] = [];
  probe(endpoint: Endpoint): void {
    this.probed.push(endpoint);
  }
  forPod(route: FunctionRoute, endpoint: Endpoint, revision: RevisionSpec): Upstream {
    return this.make(endpointId(endpoint), `${route.functionName}@${revision.number}`, revision, revision.concurrency || 10);
  }
  forService(route: FunctionRoute, service: string, pods: number, revision: RevisionSpec): Upstream {
    return this.make(`service:${service}:${revision.number}`, `${route.functionName}@${revision.number}`, revision, pods * (revision.concurrency || 10));
  }
  private make(id: string, servedBy: string, revision: RevisionSpec, capacity: number): FakeUpstream {
    const upstream = new FakeUpstream(id, servedBy, revision, capacity);
    this.made.push(upstream);
    return upstream;
  }
}

function setUp(): { table: RouteTable; factory: FakeFactory; tenant: TestTenant } {
  const factory = new FakeFactory();
  const directory = new AccessDirectory({ verifiedCredentialsPerTenant: 10, gateways: 1, defaultRate: { perSecond: 1, burst: 1 } });
  return { table: new RouteTable(directory, factory, new GatewayMetrics(10)), factory, tenant: new TestTenant('shop') };
}

function slice(tenant: TestTenant, addresses: string[], revision = 1, name = 's1'): EndpointSlice {
  return {
    metadata: { name, namespace: tenant.namespace, labels: { 'kubernetes.io/service-name': 'orders' } },
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true }, targetRef: { name: `orders-r0000${revision}-x-${address}`, uid: `uid-${address}` } })),
    ports: [{ port: 8080 }],
  };
}

describe('endpoint slices', () => {
  it('tells which addresses are ready, an unknown condition counting as ready, and leaves out what is ending', () => {
    expect(endpointsOf({
      metadata: { name: 's' }, ports: [{ port: 9000 }],
      endpoints: [
        { addresses: ['10.0.0.1'], conditions: { ready: true } }, { addresses: ['10.0.0.2'], conditions: { ready: false } }, { addresses: ['10.0.0.3'] }, { addresses: [] },
        { addresses: ['10.0.0.4'], conditions: { ready: false, terminating: true } },
      ],
    }).map(({ address, port, ready }) => [`${address}:${port}`, ready])).toEqual([['10.0.0.1:9000', true], ['10.0.0.2:9000', false], ['10.0.0.3:9000', true]]);
  });

  it.each([
    ['orders-r00007-5d9f-abcde', 'orders', 7], ['orders-r123456-a-b', 'orders', 123456], ['orders-r00001-r00002-a-b', 'orders-r00001', 2],
    ['other-r00007-a-b', 'orders', undefined], ['orders-r7-a-b', 'orders', undefined], ['', 'orders', undefined],
  ])('revision of pod %s of %s', (pod, name, revision) => {
    expect(revisionOfPod(pod, name)).toBe(revision);
  });
});

describe('RouteTable', () => {
  it('finds a function whichever of its parts came first', () => {
    const { table, tenant } = setUp();
    table.upsertSlice(slice(tenant, ['10.0.0.1']));
    expect(table.find('shop/orders')).toBeUndefined();
    table.upsertFunction(tenant.functionResource('orders'));
    expect(table.find('shop/orders')?.hasUpstreams).toBe(true);
    expect(table.find('shop/other')).toBeUndefined();
  });

  it('believes a resource only in its own tenant\'s namespace', () => {
    const { table, tenant } = setUp();
    const resource = tenant.functionResource('orders');
    table.upsertFunction({ ...resource, metadata: { ...resource.metadata, namespace: new TestTenant('evil').namespace } });
    expect(table.find('shop/orders')).toBeUndefined();
  });

  it('forgets a function that is being deleted', () => {
    const { table, tenant, factory } = setUp();
    const resource = tenant.functionResource('orders');
    table.upsertFunction(resource);
    table.upsertSlice(slice(tenant, ['10.0.0.1']));
    table.upsertFunction({ ...resource, metadata: { ...resource.metadata, deletionTimestamp: '2026-01-02T00:00:00Z' } });
    expect(table.find('shop/orders')).toBeUndefined();
    expect(factory.made[0]!.closed).toBe(true);
  });

  it('gives an address to the newer tenant of two with one name, and back', () => {
    const { table, tenant } = setUp();
    const old = tenant.functionResource('orders');
    const newer = new TestTenant('shop').functionResource('orders');
    newer.metadata.creationTimestamp = '2026-02-01T00:00:00Z';
    table.upsertFunction(newer);
    table.upsertFunction(old);
    expect(table.find('shop/orders')?.functionId).toBe(newer.spec.functionId);
    table.removeFunction(newer.metadata.namespace, 'orders');
    expect(table.find('shop/orders')?.functionId).toBe(old.spec.functionId);
    table.upsertFunction(newer);
    table.removeFunction(old.metadata.namespace, 'orders');
    expect(table.find('shop/orders')?.functionId).toBe(newer.spec.functionId);
    expect(table.size).toBe(1);
  });

  it('tells apart a function and its successor of the same name', () => {
    const { table, tenant } = setUp();
    table.upsertFunction(tenant.functionResource('orders'));
    const before = table.find('shop/orders');
    table.upsertFunction(tenant.functionResource('orders', { functionId: 'another' }));
    expect(table.find('shop/orders')).not.toBe(before);
  });

  it('keeps pods that stay, drains those that go, in both orders of two slices', () => {
    const { table, tenant, factory } = setUp();
    table.upsertFunction(tenant.functionResource('orders'));
    table.upsertSlice(slice(tenant, ['10.0.0.1', '10.0.0.2']));
    table.upsertSlice(slice(tenant, ['10.0.0.3'], 1, 's2'));
    const route = table.find('shop/orders')!;
    expect(factory.made.length).toBe(3);
    const busy = factory.made.find((upstream) => upstream.id.startsWith('10.0.0.2'))!;
    busy.inFlight = 1;
    table.upsertSlice(slice(tenant, ['10.0.0.1']));
    expect(busy.closed).toBe(false);
    route.release(busy);
    expect(busy.closed).toBe(true);
    table.removeSlice(slice(tenant, [], 1, 's2'));
    expect(factory.made.map((upstream) => upstream.closed)).toEqual([false, true, true]);
    expect(factory.made.length).toBe(3);
  });

  it('names the revision that a pod really belongs to, also when the resource has moved on', () => {
    const { table, tenant, factory } = setUp();
    const revisions = [1, 2].map((number) => ({ ...tenant.functionResource('orders').spec.revisions[0]!, number, concurrency: number }));
    table.upsertFunction({ ...tenant.functionResource('orders', { target: 2, revisions }), status: { servingRevision: 1 } });
    table.upsertSlice(slice(tenant, ['10.0.0.1'], 1));
    table.upsertSlice(slice(tenant, ['10.0.0.2'], 2, 's2'));
    expect(factory.made.map((upstream) => [upstream.servedBy, upstream.capacity])).toEqual([['orders@1', 1], ['orders@2', 2]]);
    table.upsertFunction({ ...tenant.functionResource('orders', { target: 2, revisions: [revisions[1]!] }), status: { servingRevision: 2 } });
    expect(factory.made.length).toBe(2);
    expect(factory.made[0]!.closed).toBe(false);
  });

  it('knows a pod by its revision\'s own Service, whatever the pod is called', () => {
    const { table, tenant, factory } = setUp();
    const revisions = [1, 2].map((number) => ({ ...tenant.functionResource('orders').spec.revisions[0]!, number }));
    table.upsertFunction({ ...tenant.functionResource('orders', { target: 2, revisions }), status: { servingRevision: 1, traffic: [{ revision: 1, percent: 80 }, { revision: 2, percent: 20 }] } });
    table.upsertSlice({
      metadata: { name: 's2', namespace: tenant.namespace, labels: { 'kubernetes.io/service-name': 'orders---r00002', 'fnplane.dev/function': 'orders' } }, ports: [{ port: 8080 }],
      endpoints: [{ addresses: ['10.0.0.2'], conditions: { ready: true }, targetRef: { name: 'orders-7fd58676df-x', uid: 'uid-2' } }],
    } as EndpointSlice);
    expect(factory.made.map(({ servedBy }) => servedBy)).toEqual(['orders@2']);
  });

  it('has one upstream for all pods behind the API server, with their room together', () => {
    const { table, tenant, factory } = setUp();
    factory.mode = 'proxy';
    table.upsertFunction(tenant.functionResource('orders', {}, { concurrency: 4 }));
    table.upsertSlice(slice(tenant, ['10.0.0.1', '10.0.0.2']));
    const route = table.find('shop/orders')!;
    const upstream = route.acquire(route.main, 0, undefined)!;
    expect(upstream.capacity).toBe(8);
    table.upsertSlice(slice(tenant, ['10.0.0.1', '10.0.0.2', '10.0.0.3']));
    expect([upstream.capacity, (upstream as FakeUpstream).closed]).toEqual([12, false]);
  });

  it('offers a pod to probe while the way is open, and builds once it is known', () => {
    const { table, tenant, factory } = setUp();
    factory.mode = undefined;
    table.upsertFunction(tenant.functionResource('orders'));
    table.upsertSlice(slice(tenant, ['10.0.0.1']));
    expect([factory.probed.length > 0, table.find('shop/orders')!.hasUpstreams]).toEqual([true, false]);
    factory.mode = 'direct';
    table.rebuildAll();
    expect(table.find('shop/orders')!.hasUpstreams).toBe(true);
  });
});

describe('pickUpstream', () => {
  const make = (inFlight: number, capacity = 5): FakeUpstream => Object.assign(new FakeUpstream(`u${inFlight}`, '', {} as RevisionSpec, capacity), { inFlight });

  it('takes the less busy of two', () => {
    const [a, b] = [make(3), make(1)];
    expect(pickUpstream([a, b], 0, undefined, () => 0)).toBe(b);
    expect(pickUpstream([a, b], 0, undefined, () => 0.99)).toBe(b);
  });

  it('finds the one with room where the two chosen have none', () => {
    const free = make(4);
    expect(pickUpstream([make(5), make(5), free], 0, undefined, () => 0)).toBe(free);
    expect(pickUpstream([make(5), make(5)], 0, undefined, () => 0)).toBeUndefined();
  });

  it('leaves an unreachable one alone for a while, and takes the avoided one only where there is no other', () => {
    const [a, b] = [make(0), make(0)];
    a.noteUnreachable(1000);
    expect(pickUpstream([a, b], 1000, undefined, () => 0)).toBe(b);
    expect(pickUpstream([a, b], 1000, b, () => 0)).toBe(b);
    expect(pickUpstream([a, b], 1250, b, () => 0)).toBe(a);
    a.noteUnreachable(1250);
    expect([a.isUsable(1700), a.isUsable(1750)]).toEqual([false, true]);
    a.noteReached();
    expect(a.isUsable(0)).toBe(true);
  });
});
