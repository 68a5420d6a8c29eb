import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LABEL } from '../../../contract/names.js';
import type { FunctionResource, FunctionSpec, FunctionStatus } from '../../../contract/function-resource.js';
import type { FunctionLoad, GatewayLoadReport } from '../../../contract/load-report.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import type { Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import { PodPages } from '../../../platform/kubernetes/pod-pages.js';
import { eventually } from '../../../../test/support/eventually.js';
import { functionOf, IMAGE } from '../../function/testing/observed.js';
import { revision } from '../../function/testing/test-tenant.js';
import { remoteLoad } from './gateway-load.js';
import { LoadCollector, type LoadCollectorOptions } from './load-collector.js';

/** What the pod at 127.0.0.1 reports; null: it does not answer. */
let counters: { instance: string; requests: number; inFlight: number } | null;
let gateway: FunctionLoad | null;
let asked: number;
let server: Server;
let pages: PodPages;
let now: number;
let pods: Pod[];
let fn: FunctionResource;
let waiting: string[];

const podOf = (name: string, number = 1): Pod => ({
  metadata: { name, namespace: 'fnp-team', labels: { [LABEL.functionId]: fn.spec.functionId, [LABEL.revision]: String(number) } },
  status: { podIP: '127.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] },
}) as Pod;

function given(spec: Partial<FunctionSpec>, status?: FunctionStatus): void {
  fn = functionOf({ revisions: [revision(1, IMAGE, { metering: 'runtime' })], ...spec }, status);
  pods = [podOf('shop-1')];
}

beforeEach(async () => {
  [now, asked, waiting, gateway] = [1_000_000, 0, [], null];
  counters = { instance: 'life-1', requests: 0, inFlight: 0 };
  given({ scaling: { min: 0, max: 10, metric: 'requests', target: 100 } });
  server = createServer((request, response) => {
    asked += 1;
    if (request.url === '/internal/load') {
      const report: GatewayLoadReport = { instance: 'gw-1', functions: gateway ? [gateway] : [] };
      response.end(JSON.stringify(report));
    } else if (counters === null || request.url !== '/metrics') response.destroy();
    else response.end(`http_requests_total{status="200"} ${counters.requests}\nfunction_in_flight ${counters.inFlight}\nfunction_instance_info{instance="${counters.instance}"} 1\n`);
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  pages = new PodPages(undefined as unknown as KubernetesClient, 'direct', (server.address() as AddressInfo).port);
});

afterEach(async () => {
  await pages.close();
  server.closeAllConnections();
  await new Promise((resolve) => { server.close(resolve); });
});

function collectorOf(more: Partial<LoadCollectorOptions> = {}): LoadCollector {
  return new LoadCollector({
    functions: () => [fn], podsOf: () => pods, readMetrics: (pod) => pages.read(pod, '/metrics'), gateways: [], onWaiting: ({ metadata }) => waiting.push(metadata.name), now: () => now, ...more,
  });
}

/** A round every 2 s. */
async function rounds(collector: LoadCollector, requests: readonly number[]): Promise<void> {
  for (const total of requests) {
    if (counters) counters.requests = total;
    await collector.collect();
    now += 2_000;
  }
}

const gatewayUrl = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

describe('pods that count for themselves', () => {
  test('give requests a second and in flight, of each and of all', async () => {
    const collector = collectorOf();
    counters!.inFlight = 3;
    pods = [podOf('shop-1'), podOf('shop-2')];
    await rounds(collector, [1_000, 1_250, 1_500]);
    expect(collector.podLoad(pods[0]!)).toMatchObject({ perSecond: 125, concurrency: 3, windowSeconds: 4 });
    expect(collector.view(fn)).toMatchObject({ perSecond: 250, concurrency: 6, complete: true, lastActiveAt: now - 2_000 });
  });

  test('may begin anew without a jump or a fall', async () => {
    const collector = collectorOf();
    await rounds(collector, [1_000, 1_250]);
    counters!.instance = 'life-2';
    await rounds(collector, [0]);
    expect(collector.podLoad(pods[0]!)?.perSecond).toBeUndefined();
    await rounds(collector, [200]);
    expect(collector.podLoad(pods[0]!)?.perSecond).toBe(100);
  });

  test('tell when the last request was, from the first look on', async () => {
    const collector = collectorOf();
    const began = now;
    await rounds(collector, [0, 0]);
    expect(collector.view(fn)).toMatchObject({ lastActiveAt: began, complete: true });
    const active = now;
    await rounds(collector, [7, 7, 7]);
    expect(collector.view(fn)).toMatchObject({ lastActiveAt: active, complete: true, concurrency: 0 });
  });

  test('that do not answer make silence uncertain, and their figures void', async () => {
    const collector = collectorOf();
    await rounds(collector, [0, 100]);
    counters = null;
    await rounds(collector, [0, 0, 0, 0, 0, 0, 0]);
    expect(collector.view(fn)).toMatchObject({ complete: false });
    expect(collector.podLoad(pods[0]!)).toBeUndefined();
  });

  test('are forgotten when they go', async () => {
    const collector = collectorOf();
    await rounds(collector, [0, 100]);
    const gone = pods[0]!;
    pods = [];
    await rounds(collector, [0]);
    expect(collector.podLoad(gone)).toBeUndefined();
    expect(collector.view(fn)).toMatchObject({ perSecond: undefined, concurrency: 0, complete: true });
  });
});

describe('gateways', () => {
  const load = (more: Partial<FunctionLoad>): FunctionLoad => ({ functionId: fn.spec.functionId, inFlight: 0, waiting: 0, requests: 0, lastActiveAt: 0, ...more });

  test('stand in for pods that do not count, in equal parts', async () => {
    given({ revisions: [revision(1, IMAGE, { metering: 'gateway' })], scaling: { min: 2, max: 10, metric: 'requests' } });
    pods = [podOf('shop-1'), podOf('shop-2')];
    const collector = collectorOf({ gateways: [remoteLoad(gatewayUrl())] });
    for (const requests of [0, 500, 1_000]) {
      gateway = load({ requests, inFlight: 4 });
      await rounds(collector, [0]);
    }
    expect(collector.podLoad(pods[0]!)).toMatchObject({ perSecond: 125, concurrency: 2 });
    expect(collector.view(fn)).toMatchObject({ perSecond: 250, concurrency: 4, complete: true });
  });

  test('are what such pods cannot be stopped without', async () => {
    given({ revisions: [revision(1, IMAGE, { metering: 'gateway' })], scaling: { min: 0, max: 1 } });
    const [blind, deaf] = [collectorOf(), collectorOf({ gateways: [() => Promise.reject(new Error('down'))] })];
    await Promise.all([rounds(blind, [0]), rounds(deaf, [0])]);
    expect([blind.view(fn)?.complete, deaf.view(fn)?.complete]).toEqual([false, false]);
  });

  test('wake a sleeping function with the requests that wait, until they are heard no more', async () => {
    given({ scaling: { min: 0, max: 1 } }, { scale: { active: false, since: '2026-01-01T00:00:00Z' } });
    pods = [];
    gateway = load({ waiting: 3, lastActiveAt: now + 60_000 });
    const collector = collectorOf({ gateways: [remoteLoad(gatewayUrl())] });
    await rounds(collector, [0]);
    expect(waiting).toEqual(['shop']);
    expect(collector.view(fn)).toMatchObject({ waiting: 3, lastActiveAt: now - 2_000 });
    gateway = null;
    await rounds(collector, [0]);
    expect(collector.view(fn)).toMatchObject({ waiting: 0 });
    expect(waiting).toHaveLength(1);
  });

  test('that answer something else are taken for silent', async () => {
    const collector = collectorOf({ gateways: [() => remoteLoad(gatewayUrl().replace('127.0.0.1', 'localhost'))()] });
    gateway = { functionId: fn.spec.functionId, inFlight: -1, waiting: 0, requests: 0, lastActiveAt: 0 };
    pods = [];
    await rounds(collector, [0]);
    expect(collector.view(fn)).toMatchObject({ complete: false });
  });
});

test('functions with a fixed number of pods cost no request', async () => {
  const collector = collectorOf();
  for (const spec of [{ scaling: { min: 1, max: 5 } }, { scaling: { min: 1, max: 5, metric: 'cpu' as const } }, { scaling: { min: 0, max: 5 }, suspension: 'compute' as const }]) {
    given(spec);
    await rounds(collector, [0]);
    expect(collector.view(fn)).toBeUndefined();
  }
  expect(asked).toBe(0);
});

test('looks again and again until it is stopped, and then knows nothing', async () => {
  const collector = collectorOf({ intervalMs: 5, now: Date.now });
  collector.start();
  await eventually(async () => { if (asked < 3) throw new Error(`${asked} looks`); }, { withinMs: 5_000, everyMs: 10 });
  expect(collector.view(fn)).toMatchObject({ complete: true });
  await collector.stop();
  const before = asked;
  expect(collector.view(fn)).toBeUndefined();
  await collector.collect();
  expect(asked).toBe(before + 1);
});

test('a function is watched from the moment its load is first asked for', async () => {
  const collector = collectorOf({ intervalMs: 60_000 });
  collector.start();
  await eventually(async () => { if (asked < 1) throw new Error('not asked'); }, { withinMs: 5_000, everyMs: 10 });
  fn = functionOf({ ...fn.spec, functionId: '33333333-3333-4333-8333-333333333333' });
  now += 5_000;
  expect(collector.view(fn)).toMatchObject({ lastActiveAt: now });
  now += 1_000;
  expect(collector.view(fn)).toMatchObject({ lastActiveAt: now - 1_000 });
  await collector.stop();
});

test('no more pods are asked at once than allowed', async () => {
  let [current, most] = [0, 0];
  pods = Array.from({ length: 20 }, (_, index) => podOf(`shop-${index}`));
  const collector = collectorOf({
    concurrency: 4,
    readMetrics: async () => {
      most = Math.max(most, current += 1);
      await new Promise((resolve) => { setImmediate(resolve); });
      current -= 1;
      return undefined;
    },
  });
  await collector.collect();
  expect(most).toBe(4);
});
