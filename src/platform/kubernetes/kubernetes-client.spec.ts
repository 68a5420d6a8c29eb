import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeApiServer } from './testing/fake-api-server.js';
import { KubernetesClient } from './kubernetes-client.js';
import { KubernetesError } from './kubernetes-errors.js';
import { requestsTotal } from './kubernetes-metrics.js';
import type { KubernetesObject } from './kubernetes-object.js';
import { RESOURCE, resourcePath } from './resource-type.js';

const PODS = '/api/v1/pods';
let server: FakeApiServer;
let client: KubernetesClient;

beforeEach(async () => {
  server = new FakeApiServer();
  await server.start();
  client = new KubernetesClient({ cluster: 'fake', source: { kind: 'inline', kubeconfig: server.kubeconfig, trusted: true }, requestTimeoutMs: 300 });
});

afterEach(async () => {
  await client.close();
  await server.stop();
});

function pod(name: string, namespace = 'team'): KubernetesObject {
  return { metadata: { name, namespace } };
}

async function errorOf(promise: Promise<unknown>): Promise<KubernetesError> {
  const error: unknown = await promise.then(() => new Error('it succeeded'), (thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(KubernetesError);
  return error as KubernetesError;
}

describe('verbs', () => {
  test('lists all pages of a selection', async () => {
    for (let index = 0; index < 12; index += 1) server.put(PODS, pod(`p${index}`));
    const { items } = await client.list(RESOURCE.pod, { labelSelector: 'a=b', limit: 5 });
    expect(items).toHaveLength(12);
    expect(server.requests.map(({ query }) => [query.get('limit'), query.get('continue'), query.get('labelSelector')])).toEqual([['5', null, 'a=b'], ['5', '5', 'a=b'], ['5', '10', 'a=b']]);
  });

  test('applies on the server side with its field manager, and keeps unknown fields', async () => {
    const applied = await client.apply<KubernetesObject & { spec: object }>(RESOURCE.deployment, { metadata: { name: 'a', namespace: 'team' }, spec: { brandNew: { field: 1 } } } as KubernetesObject, { fieldManager: 'me' });
    expect(applied.spec).toEqual({ brandNew: { field: 1 } });
    const [request] = server.requests;
    expect(request?.headers['content-type']).toBe('application/apply-patch+yaml');
    expect(Object.fromEntries(request?.query ?? [])).toEqual({ fieldManager: 'me', force: 'true' });
    expect(request?.body).toMatchObject({ apiVersion: 'apps/v1', kind: 'Deployment' });
  });

  test('deletes only the object that was meant', async () => {
    server.put(PODS, pod('a'));
    const error = await errorOf(client.delete(RESOURCE.pod, { namespace: 'team', name: 'a' }, { uid: 'another' }));
    expect(error.code).toBe('KUBERNETES_CONFLICT');
    const { metadata } = await client.get(RESOURCE.pod, { namespace: 'team', name: 'a' });
    expect(await client.delete(RESOURCE.pod, { namespace: 'team', name: 'a' }, { uid: metadata.uid })).toBe('deleted');
    expect(await client.delete(RESOURCE.pod, { namespace: 'team', name: 'a' })).toBe('gone');
    expect(await client.find(RESOURCE.pod, { namespace: 'team', name: 'a' })).toBeNull();
  });

  test('patches the status alone', async () => {
    await client.patchStatus(RESOURCE.function, { namespace: 'team', name: 'f' }, { replicas: 1 });
    expect(server.requests[0]).toMatchObject({ path: '/apis/fnplane.dev/v1/namespaces/team/functions/f/status', body: { status: { replicas: 1 } } });
    expect(server.requests[0]?.headers['content-type']).toBe('application/merge-patch+json');
  });

  test('shares its connections', async () => {
    for (let index = 0; index < 20; index += 1) await client.list(RESOURCE.pod);
    expect(server.connections).toBeLessThan(4);
  });

  test('a proxied request carries the platform\'s credentials, not the caller\'s', async () => {
    server.fail('get', { kind: 'text', body: 'from the pod' });
    const target = { kind: 'services', namespace: 'team', name: 'shop', port: 80 } as const;
    const answer = await client.proxy(target, { method: 'GET', path: '/orders?x=1', headers: { authorization: 'Bearer stolen', 'x-mine': '1' } });
    expect(Buffer.concat(await answer.body.toArray()).toString()).toBe('from the pod');
    expect(server.requests[0]).toMatchObject({ path: '/api/v1/namespaces/team/services/shop:80/proxy/orders', headers: { authorization: 'Bearer secret-token', 'x-mine': '1' } });
  });
});

describe('faults', () => {
  test.each([
    [400, 'invalid', 'KUBERNETES_REFUSED', false],
    [401, 'forbidden', 'KUBERNETES_REFUSED', false],
    [403, 'forbidden', 'KUBERNETES_REFUSED', false],
    [404, 'not-found', 'KUBERNETES_NOT_FOUND', false],
    [409, 'conflict', 'KUBERNETES_CONFLICT', false],
    [410, 'conflict', 'KUBERNETES_EXPIRED', false],
    [422, 'invalid', 'KUBERNETES_REFUSED', false],
    [429, 'unavailable', 'KUBERNETES_UNAVAILABLE', true],
    [500, 'unavailable', 'KUBERNETES_UNAVAILABLE', true],
    [503, 'unavailable', 'KUBERNETES_UNAVAILABLE', true],
    [504, 'timeout', 'KUBERNETES_TIMEOUT', true],
  ] as const)('%i becomes %s %s with the server\'s own words', async (status, kind, code, retryable) => {
    server.fail('get', { kind: 'status', status, reason: 'Because', message: 'the words', headers: { 'retry-after': '7' } }, 2);
    const error = await errorOf(client.get(RESOURCE.pod, { namespace: 'team', name: 'a' }));
    expect({ kind: error.kind, code: error.code, retryable: error.retryable, message: error.message, reason: error.reason, after: error.retryAfterSeconds })
      .toEqual({ kind, code, retryable, message: 'the words', reason: 'Because', after: 7 });
  });

  test('a server that takes connections and never says a word is given up at the deadline, each time', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => { silent.listen(0, '127.0.0.1', resolve); });
    const { port } = silent.address() as AddressInfo;
    const kubeconfig = JSON.stringify({
      'current-context': 'x', contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }], clusters: [{ name: 'c', cluster: { server: `https://127.0.0.1:${port}` } }], users: [{ name: 'u', user: { token: 't' } }],
    });
    const waiting = new KubernetesClient({ cluster: 'silent', source: { kind: 'inline', kubeconfig } });
    try {
      const started = performance.now();
      for (let round = 0; round < 5; round += 1) {
        const errors = await Promise.all(Array.from({ length: 4 }, () => errorOf(waiting.raw('GET', '/version', { timeoutMs: 200 }))));
        expect(errors.every(({ code }) => code === 'KUBERNETES_TIMEOUT' || code === 'KUBERNETES_UNAVAILABLE')).toBe(true);
      }
      expect(performance.now() - started).toBeLessThan(5_000);
    } finally {
      for (const socket of sockets) socket.destroy();
      await waiting.close();
      await new Promise((resolve) => { silent.close(resolve); });
    }
  });

  test('a silent server ends in a timeout, and the next call works', async () => {
    server.fail('get', { kind: 'hang' });
    server.put(PODS, pod('a'));
    expect((await errorOf(client.get(RESOURCE.pod, { namespace: 'team', name: 'a' }))).code).toBe('KUBERNETES_TIMEOUT');
    expect((await client.get(RESOURCE.pod, { namespace: 'team', name: 'a' })).metadata.name).toBe('a');
  });

  test('a slow one is waited for within the deadline', async () => {
    server.put(PODS, pod('a'));
    server.fail('list', { kind: 'slow', ms: 100 });
    expect((await client.list(RESOURCE.pod)).items).toHaveLength(1);
  });

  test('server-side apply\'s 500 for a malformed object is a refusal, not a fault', async () => {
    server.fail('patch', { kind: 'status', status: 500, message: 'failed to create typed patch object (ns/a; v1): .spec.x: field not declared in schema' });
    expect(await errorOf(client.apply(RESOURCE.pod, pod('a'), { fieldManager: 'me' }))).toMatchObject({ kind: 'invalid', code: 'KUBERNETES_REFUSED' });
  });

  test('after three timeouts in a row it opens new connections', async () => {
    server.fail('get', { kind: 'hang' }, 3);
    server.put(PODS, pod('a'));
    for (let index = 0; index < 3; index += 1) await errorOf(client.get(RESOURCE.pod, { namespace: 'team', name: 'a' }, { timeoutMs: 30 }));
    await client.get(RESOURCE.pod, { namespace: 'team', name: 'a' });
    expect(server.connections).toBeGreaterThan(1);
  });

  test('a broken connection is tried once more for what may be repeated', async () => {
    server.put(PODS, pod('a'));
    server.fail('get', { kind: 'reset' });
    expect((await client.get(RESOURCE.pod, { namespace: 'team', name: 'a' })).metadata.name).toBe('a');
    server.fail('create', { kind: 'reset' });
    expect((await errorOf(client.create(RESOURCE.pod, pod('b')))).code).toBe('KUBERNETES_UNAVAILABLE');
    expect(server.requests.filter(({ verb }) => verb === 'create')).toHaveLength(1);
  });

  test('an answer that is not JSON is no object', async () => {
    server.fail('get', { kind: 'text', body: '<html>' });
    expect(await errorOf(client.get(RESOURCE.pod, { namespace: 'team', name: 'a' }))).toMatchObject({ kind: 'upstream', code: 'KUBERNETES_UNAVAILABLE' });
  });

  test('the caller\'s abort comes through as such', async () => {
    server.fail('get', { kind: 'hang' });
    const controller = new AbortController();
    const pending = client.get(RESOURCE.pod, { namespace: 'team', name: 'a' }, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(pending).rejects.toThrow('enough');
  });

  test('a server that is not there is unavailable', async () => {
    await server.stop();
    expect((await errorOf(client.list(RESOURCE.pod))).code).toBe('KUBERNETES_UNAVAILABLE');
    server = new FakeApiServer();
    await server.start();
  });

  test('requests are counted by verb, resource and code', async () => {
    const before = await count('get', 'pods', '404');
    await client.find(RESOURCE.pod, { namespace: 'team', name: 'none' });
    expect(await count('get', 'pods', '404')).toBe(before + 1);
  });
});

async function count(verb: string, resource: string, code: string): Promise<number> {
  const { values } = await requestsTotal.get();
  return values.find(({ labels }) => labels.verb === verb && labels.resource === resource && labels.code === code)?.value ?? 0;
}

describe('paths', () => {
  test.each([
    [RESOURCE.pod, { namespace: 'a', name: 'b', subresource: 'log' }, '/api/v1/namespaces/a/pods/b/log'],
    [RESOURCE.pod, {}, '/api/v1/pods'],
    [RESOURCE.namespace, { name: 'a' }, '/api/v1/namespaces/a'],
    [RESOURCE.deployment, { namespace: 'a' }, '/apis/apps/v1/namespaces/a/deployments'],
    [RESOURCE.pod, { namespace: 'a', name: '../secrets?x' }, '/api/v1/namespaces/a/pods/..%2Fsecrets%3Fx'],
  ])('%o %o', (type, target, path) => {
    expect(resourcePath(type, target)).toBe(path);
  });

  test.each([[{ namespace: 'a', name: '..' }], [{ name: 'a' }], [{ namespace: 'a', name: '' }]])('%o is refused', (target) => {
    expect(() => resourcePath(RESOURCE.pod, target)).toThrow(TypeError);
  });
});
