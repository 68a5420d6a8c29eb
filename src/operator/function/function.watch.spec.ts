import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FunctionResource, FunctionStatus } from '../../contract/function-resource.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { RESOURCE, resourcePath } from '../../platform/kubernetes/resource-type.js';
import { FakeApiServer } from '../../platform/kubernetes/testing/fake-api-server.js';
import { WorkQueue } from '../../platform/kubernetes/work-queue.js';
import { FunctionCaches } from './function.caches.js';
import { FunctionWatch } from './function.watch.js';
import { functionOf } from './testing/observed.js';

const KEY = 'fnp-team/shop';
const FUNCTIONS = resourcePath(RESOURCE.function, {});

let server: FakeApiServer;
let client: KubernetesClient;
let caches: FunctionCaches;
let watch: FunctionWatch;
let queue: WorkQueue;
let runs: string[];

beforeEach(async () => {
  server = new FakeApiServer();
  await server.start();
  client = new KubernetesClient({ cluster: 'fake', source: { kind: 'inline', kubeconfig: server.kubeconfig, trusted: true } });
  caches = new FunctionCaches(client);
  runs = [];
  queue = new WorkQueue({ name: 'test', concurrency: 1, handle: async (key) => void runs.push(key) });
  watch = new FunctionWatch(caches, queue);
  caches.start();
  await caches.synced(5_000);
  await vi.waitFor(() => expect(server.openWatches).toBe(5));
  watch.attach();
  queue.resume();
  await put({ servingRevision: 1 });
  await vi.waitFor(() => expect(runs).toEqual([KEY]));
});

afterEach(async () => {
  watch.close();
  await queue.drain();
  await caches.stop();
  await client.close();
  await server.stop();
});

/** As another client writes it; resolves when the operator knows. */
async function put(status: FunctionStatus, generation = 1): Promise<void> {
  const fn = functionOf({}, status);
  const { metadata } = server.put(FUNCTIONS, { ...fn, metadata: { ...fn.metadata, generation } } as FunctionResource);
  await vi.waitFor(() => expect(caches.functions.get(KEY)?.metadata.resourceVersion).toBe(metadata.resourceVersion));
}

test('a status that another wrote is looked at', async () => {
  await put({ servingRevision: 2 });
  await vi.waitFor(() => expect(runs).toEqual([KEY, KEY]));
});

test('an own status is not, whose answer the cache holds when the watch brings it', async () => {
  const stored = caches.functions.get(KEY) as FunctionResource;
  const version = String(Number(stored.metadata.resourceVersion) + 1);
  caches.adopt(RESOURCE.function, { ...stored, metadata: { ...stored.metadata, resourceVersion: version }, status: { servingRevision: 2 } } as FunctionResource);
  await put({ servingRevision: 2 });
  await put({ servingRevision: 2 }, 2);
  await vi.waitFor(() => expect(runs.length).toBeGreaterThan(1));
  await queue.idle();
  expect(runs).toEqual([KEY, KEY]);
});
