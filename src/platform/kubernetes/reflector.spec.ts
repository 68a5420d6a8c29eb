import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeApiServer } from './testing/fake-api-server.js';
import { KubernetesClient } from './kubernetes-client.js';
import type { KubernetesObject } from './kubernetes-object.js';
import { byLabel, byNamespace, byOwner } from './object-store.js';
import { Reflector, type ReflectorOptions } from './reflector.js';
import { RESOURCE } from './resource-type.js';

const PODS = '/api/v1/pods';
let server: FakeApiServer;
let client: KubernetesClient;
let reflector: Reflector<KubernetesObject>;
let seen: string[];

beforeEach(async () => {
  server = new FakeApiServer();
  await server.start();
  client = new KubernetesClient({ cluster: 'fake', source: { kind: 'inline', kubeconfig: server.kubeconfig, trusted: true }, requestTimeoutMs: 2_000 });
  seen = [];
});

afterEach(async () => {
  await reflector.stop();
  await client.close();
  await server.stop();
});

function pod(name: string, labels: Record<string, string> = {}): KubernetesObject {
  return { metadata: { name, namespace: 'team', labels } };
}

async function start(options: ReflectorOptions<KubernetesObject> = {}): Promise<void> {
  reflector = new Reflector(client, RESOURCE.pod, { backoff: { baseMs: 5, maxMs: 40 }, ...options });
  reflector.addHandlers({
    onAdd: (object) => seen.push(`+${object.metadata.name}`),
    onUpdate: (object, before) => seen.push(`~${object.metadata.name} ${before.metadata.labels?.v ?? ''}>${object.metadata.labels?.v ?? ''}`),
    onDelete: (object) => seen.push(`-${object.metadata.name}`),
  });
  reflector.start();
  await reflector.synced(5_000);
  await watching();
}

async function watching(): Promise<void> {
  await vi.waitFor(() => expect(server.openWatches).toBe(1), { timeout: 5_000 });
}

async function names(...expected: string[]): Promise<void> {
  await vi.waitFor(() => expect(reflector.list().map((object) => object.metadata.name).sort()).toEqual(expected), { timeout: 5_000 });
}

test('lists in pages, then follows changes in order', async () => {
  for (let index = 0; index < 7; index += 1) server.put(PODS, pod(`p${index}`));
  await start({ pageSize: 3 });
  expect(reflector.list()).toHaveLength(7);
  seen = [];
  server.put(PODS, pod('a', { v: '1' }));
  server.put(PODS, pod('a', { v: '2' }));
  server.remove(PODS, 'team', 'a');
  await vi.waitFor(() => expect(seen).toEqual(['+a', '~a 1>2', '-a']));
});

test('fat fields are dropped, transforms applied, indexes kept', async () => {
  server.put(PODS, { metadata: { name: 'a', namespace: 'team', labels: { app: 'x' }, ownerReferences: [{ apiVersion: 'v1', kind: 'O', name: 'o', uid: 'u1' }] } });
  server.put(PODS, pod('b', { app: 'y' }));
  await start({ indexers: { app: byLabel('app'), namespace: byNamespace, owner: byOwner }, transform: (object) => ({ ...object, apiVersion: 'seen' }) });
  expect(reflector.get('team/a')).toMatchObject({ apiVersion: 'seen' });
  expect(reflector.get('team/a')?.metadata.managedFields).toBeUndefined();
  expect(reflector.byIndex('namespace', 'team')).toHaveLength(2);
  expect(reflector.byIndex('owner', 'u1').map((object) => object.metadata.name)).toEqual(['a']);
  server.put(PODS, pod('b', { app: 'x' }));
  await vi.waitFor(() => expect(reflector.byIndex('app', 'x')).toHaveLength(2));
  expect(reflector.byIndex('app', 'y')).toHaveLength(0);
  server.remove(PODS, 'team', 'b');
  await vi.waitFor(() => expect(reflector.byIndex('app', 'x')).toHaveLength(1));
});

test.each(['eof', 'reset'] as const)('a watch that ends by %s is resumed where it stood, without a new list', async (how) => {
  await start();
  server.put(PODS, pod('a'));
  await names('a');
  server.endWatches(how);
  server.put(PODS, pod('b'));
  await names('a', 'b');
  expect(server.requests.filter(({ verb }) => verb === 'list')).toHaveLength(1);
});

test('a version that is too old inside the stream leads to a new list, which tells what went meanwhile', async () => {
  server.put(PODS, pod('a'));
  server.put(PODS, pod('b', { v: '1' }));
  await start();
  seen = [];
  server.fail('watch', { kind: 'status', status: 503 }, 2);
  server.endWatches('expired');
  server.remove(PODS, 'team', 'a');
  server.put(PODS, pod('b', { v: '2' }));
  server.put(PODS, pod('c'));
  server.compact();
  await names('b', 'c');
  expect(seen.sort()).toEqual(['+c', '-a', '~b 1>2'].sort());
  server.put(PODS, pod('d'));
  await names('b', 'c', 'd');
});

test('410 as the answer to the watch leads to a new list', async () => {
  await start();
  server.fail('watch', { kind: 'reset' }, 1);
  server.put(PODS, pod('a'));
  await names('a');
  server.endWatches('eof');
  server.compact();
  server.put(PODS, pod('b'));
  await names('a', 'b');
});

test('410 after a row of failures, as a server that started anew says it, leads to a new list at once', async () => {
  await start({ backoff: { baseMs: 60, maxMs: 60_000, jitter: 0 } });
  server.fail('watch', { kind: 'status', status: 503 }, 3);
  const ended = performance.now();
  server.endWatches('reset');
  server.compact();
  server.put(PODS, pod('a'));
  server.compact();
  await names('a');
  // The four pauses take 900 ms; a fifth would take 960 more.
  expect(performance.now() - ended).toBeLessThan(1_500);
});

test('a server that calls what it has just listed too old is not hammered', async () => {
  await start({ backoff: { baseMs: 20, maxMs: 40 } });
  server.fail('watch', { kind: 'status', status: 410 }, 12);
  server.endWatches('eof');
  const began = performance.now();
  await watching();
  await vi.waitFor(() => expect(server.requests.filter(({ verb }) => verb === 'list').length).toBeGreaterThan(10), { timeout: 5_000 });
  expect(performance.now() - began).toBeGreaterThan(150);
});

test('survives any number of failed lists and watches', async () => {
  server.put(PODS, pod('a'));
  server.fail('list', { kind: 'status', status: 500 }, 3);
  server.fail('list', { kind: 'reset' }, 2);
  server.fail('list', { kind: 'status', status: 404 }, 1);
  server.fail('list', { kind: 'text', body: 'garbage' }, 1);
  server.fail('watch', { kind: 'status', status: 429 }, 3);
  server.fail('watch', { kind: 'text', body: 'garbage\n' }, 2);
  await start();
  server.put(PODS, pod('b'));
  await names('a', 'b');
});

test('a quiet watch that gives no sign is taken for dead and resumed; bookmarks keep it alive', async () => {
  await start({ idleMs: 150 });
  const watches = (): number => server.requests.filter(({ verb }) => verb === 'watch').length;
  await vi.waitFor(() => expect(watches()).toBeGreaterThan(1), { timeout: 5_000 });
  await watching();
  server.put(PODS, pod('a'));
  await names('a');
  expect(server.requests.filter(({ verb }) => verb === 'list')).toHaveLength(1);
});

test('bookmarks move the version on: a compaction behind it does no harm', async () => {
  await start();
  server.put('/api/v1/services', pod('other'));
  server.bookmark();
  server.compact();
  server.put(PODS, pod('a'));
  await names('a');
  server.endWatches('eof');
  server.put(PODS, pod('b'));
  await names('a', 'b');
  expect(server.requests.filter(({ verb }) => verb === 'list')).toHaveLength(1);
});

test('a handler that throws does no harm to others', async () => {
  server.put(PODS, pod('a'));
  reflector = new Reflector(client, RESOURCE.pod, {});
  reflector.addHandlers({ onAdd: () => { throw new Error('bad handler'); } });
  reflector.addHandlers({ onAdd: async () => Promise.reject(new Error('bad async handler')) });
  reflector.addHandlers({ onAdd: (object) => seen.push(object.metadata.name) });
  reflector.start();
  await reflector.synced(5_000);
  await watching();
  server.put(PODS, pod('b'));
  await vi.waitFor(() => expect(seen).toEqual(['a', 'b']));
});

test('an object that is made anew under its name is a deletion and an addition', async () => {
  server.put(PODS, pod('a'));
  await start();
  seen = [];
  server.endWatches('eof');
  server.remove(PODS, 'team', 'a');
  server.put(PODS, pod('a'));
  server.compact();
  await vi.waitFor(() => expect(seen).toEqual(['-a', '+a']));
});

test('the answer of an own write is seen at once, and never goes back', async () => {
  await start();
  server.put(PODS, pod('a', { v: '1' }));
  await names('a');
  const second = { ...pod('a', { v: '2' }) };
  const version = Number(reflector.get('team/a')?.metadata.resourceVersion);
  reflector.adopt({ ...second, metadata: { ...second.metadata, uid: reflector.get('team/a')?.metadata.uid, resourceVersion: String(version + 5) } });
  expect(reflector.get('team/a')?.metadata.labels?.v).toBe('2');
  server.put(PODS, pod('a', { v: 'older' }));
  server.put(PODS, pod('z'));
  await names('a', 'z');
  expect(reflector.get('team/a')?.metadata.labels?.v).toBe('2');
  reflector.adopt({ ...pod('ghost'), metadata: { ...pod('ghost').metadata, resourceVersion: '1' } });
  expect(reflector.get('team/ghost')).toBeUndefined();
});

test('synced has a deadline, and stop ends a reflector that never got through', async () => {
  server.fail('list', { kind: 'hang' }, 100);
  reflector = new Reflector(client, RESOURCE.pod, {});
  reflector.start();
  await expect(reflector.synced(50)).rejects.toMatchObject({ code: 'KUBERNETES_TIMEOUT' });
  await reflector.stop();
  expect(reflector.isSynced).toBe(false);
});

test('after stop no handler runs and no watch is open', async () => {
  await start();
  await reflector.stop();
  server.put(PODS, pod('late'));
  await vi.waitFor(() => expect(server.openWatches).toBe(0));
  expect(seen).toEqual([]);
});
