import { webcrypto } from 'node:crypto';
import { request } from 'node:https';
import { ExtendedKeyUsage, PemConverter } from '@peculiar/x509';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Pod } from '../../platform/kubernetes/kubernetes-object.js';
import type { MetricAccess } from './access-reviews.js';
import { issueCertificate, makeAuthority, makeServingCertificate, type Certified, type ServingCertificate } from './certificates.js';
import { readTrust, type FrontProxyTrust, type Identity } from './front-proxy.policy.js';
import { matchesSelector } from './label-selector.policy.js';
import { MetricsServer } from './metrics-server.js';

const HOUR_MS = 3_600_000;
const HOST = 'fnplane-metrics.fnplane-system.svc';
const GROUP = '/apis/custom.metrics.k8s.io/v1beta2';
const METRIC = `${GROUP}/namespaces/fnp-1/pods/*/http_requests_per_second`;

interface ClientPair {
  cert: string;
  key: string;
}

let proxyAuthority: Certified;
let trust: FrontProxyTrust;
let serving: ServingCertificate;
let good: ClientPair;
let reviewed: { identity: Identity; metric: MetricAccess }[];
let allowed: boolean | Error;

const pods = ['a', 'b'].map((name) => ({ metadata: { name, namespace: 'fnp-1', labels: { app: name } } })) as unknown as Pod[];
const server = new MetricsServer({
  listen: { host: '127.0.0.1', port: 0 },
  pods: (namespace, selector) => pods.filter(({ metadata }) => metadata.namespace === namespace && matchesSelector(selector, metadata.labels)),
  loadOf: ({ metadata }) => ({ perSecond: metadata.name === 'a' ? 100 : 50.5, concurrency: 2, at: 0, windowSeconds: 10 }),
  lagOf: (namespace, functionId) => (namespace === 'fnp-1' && functionId === 'fn-a' ? { value: 350, at: 0 } : undefined),
  mayRead: (identity, metric) => {
    reviewed.push({ identity, metric });
    return typeof allowed === 'boolean' ? Promise.resolve(allowed) : Promise.reject(allowed);
  },
});

async function clientOf(authority: Certified, name: string, usage = ExtendedKeyUsage.clientAuth): Promise<ClientPair> {
  const { certificate, keys } = await issueCertificate(authority, { name, usage, dnsNames: [], addresses: [], lifetimeMs: HOUR_MS });
  return { cert: certificate.toString('pem'), key: PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY') };
}

const trustOf = (authority: Certified): FrontProxyTrust => readTrust({
  'requestheader-client-ca-file': authority.certificate.toString('pem'), 'requestheader-allowed-names': '["front-proxy-client"]', 'requestheader-username-headers': '["X-Remote-User"]',
  'requestheader-group-headers': '["X-Remote-Group"]', 'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
})!;

beforeAll(async () => {
  proxyAuthority = await makeAuthority('front proxy', HOUR_MS);
  trust = trustOf(proxyAuthority);
  serving = await makeServingCertificate({ dnsNames: [HOST], addresses: ['127.0.0.1'], lifetimeMs: HOUR_MS });
  good = await clientOf(proxyAuthority, 'front-proxy-client');
  await server.serve(trust, serving);
});

afterAll(() => server.stop());

beforeEach(() => { [reviewed, allowed] = [[], true]; });

interface Asked {
  path?: string;
  method?: string;
  client?: ClientPair | undefined;
  headers?: Record<string, string | string[]>;
  ca?: string;
}

/** As the API server asks: by the Service's name, with the front proxy's certificate and headers. */
function ask({ path = METRIC, method = 'GET', client = good, headers = { 'X-Remote-User': 'hpa' }, ca = serving.authority }: Asked = {}): Promise<{ status: number; body: { message?: string; items?: unknown[] } }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port: server.port, servername: HOST, path, method, headers, ca, ...client, agent: false }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; }).on('end', () => resolve({ status: incoming.statusCode ?? 0, body: JSON.parse(text) as never }));
    });
    outgoing.on('error', reject).end();
  });
}

describe('who asks', () => {
  test('is the front proxy, for whom it names', async () => {
    const headers = { 'X-Remote-User': 'jane', 'X-Remote-Group': ['system:authenticated', 'team'], 'X-Remote-Extra-Scopes': 'read' };
    expect((await ask({ headers, path: `${METRIC}?labelSelector=app%3Da` })).body.items).toHaveLength(1);
    expect(reviewed).toEqual([{
      identity: { user: 'jane', groups: ['system:authenticated', 'team'], extra: { scopes: ['read'] } },
      metric: { verb: 'get', group: 'custom.metrics.k8s.io', version: 'v1beta2', resource: 'pods', subresource: 'http_requests_per_second', namespace: 'fnp-1', name: '*' },
    }]);
  });

  test.each<[string, () => Promise<Asked>]>([
    ['without a certificate', () => Promise.resolve({ client: {} as ClientPair })],
    ['with one of another authority', async () => ({ client: await clientOf(await makeAuthority('front proxy', HOUR_MS), 'front-proxy-client') })],
    ['with one for another name', async () => ({ client: await clientOf(proxyAuthority, 'somebody') })],
    ['with one of a server', async () => ({ client: await clientOf(proxyAuthority, 'front-proxy-client', ExtendedKeyUsage.serverAuth) })],
    ['for nobody', () => Promise.resolve({ headers: { 'X-Remote-Group': 'system:masters' } })],
  ])('is refused %s, whatever is asked for', async (_, asked) => {
    const given = await asked();
    expect(await ask(given)).toMatchObject({ status: 401, body: { kind: 'Status', reason: 'Unauthorized' } });
    expect((await ask({ ...given, path: GROUP })).status).toBe(401);
    expect(reviewed).toEqual([]);
  });

  test('can verify whom it asks', async () => {
    const other = await makeAuthority('fnplane metrics', HOUR_MS);
    await expect(ask({ ca: other.certificate.toString('pem') })).rejects.toThrow(/certificate|issuer/);
  });

  test('is refused what the cluster does not allow, or cannot tell', async () => {
    allowed = false;
    expect(await ask()).toMatchObject({ status: 403, body: { reason: 'Forbidden', message: 'hpa may not read pods/http_requests_per_second in fnp-1' } });
    allowed = new Error('the API server is away');
    expect(await ask()).toMatchObject({ status: 503, body: { reason: 'ServiceUnavailable' } });
  });
});

test('answers with what each pod bears', async () => {
  expect((await ask()).body).toMatchObject({ kind: 'MetricValueList', items: [{ describedObject: { name: 'a' }, value: '100' }, { describedObject: { name: 'b' }, value: '50500m' }] });
  expect((await ask({ path: `${GROUP}/namespaces/fnp-1/pods/b/fnplane_concurrency` })).body).toMatchObject({ items: [{ describedObject: { name: 'b' }, value: '2' }] });
  expect((await ask({ path: METRIC.replace('fnp-1', 'fnp-2') })).body).toMatchObject({ items: [] });
});

describe('what waits in Kafka', () => {
  const lag = (namespace: string, selector: string): Asked => ({ path: `/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/fnplane_kafka_lag?labelSelector=${encodeURIComponent(selector)}` });

  test('is told of the function that is asked for, in its namespace', async () => {
    expect((await ask(lag('fnp-1', 'fnplane.dev/function-id=fn-a'))).body).toEqual({
      kind: 'ExternalMetricValueList', apiVersion: 'external.metrics.k8s.io/v1beta1', metadata: {},
      items: [{ metricName: 'fnplane_kafka_lag', metricLabels: { 'fnplane.dev/function-id': 'fn-a' }, timestamp: '1970-01-01T00:00:00Z', value: '350' }],
    });
    expect(reviewed).toEqual([{ identity: expect.objectContaining({ user: 'hpa' }), metric: { verb: 'list', group: 'external.metrics.k8s.io', version: 'v1beta1', resource: 'fnplane_kafka_lag', namespace: 'fnp-1' } }]);
  });

  test.each([['fnp-2', 'fnplane.dev/function-id=fn-a'], ['fnp-1', 'fnplane.dev/function-id=fn-b'], ['fnp-1', '']])('is left out where it is not known: %s %s', async (namespace, selector) => {
    expect((await ask(lag(namespace, selector))).body).toMatchObject({ kind: 'ExternalMetricValueList', items: [] });
  });

  test('is refused to who may not list it', async () => {
    allowed = false;
    expect(await ask(lag('fnp-1', 'fnplane.dev/function-id=fn-a'))).toMatchObject({ status: 403, body: { message: 'hpa may not read fnplane_kafka_lag in fnp-1' } });
  });
});

test('shows the way to it without asking whether one may', async () => {
  allowed = false;
  expect(await ask({ path: `${GROUP}?timeout=32s` })).toMatchObject({ status: 200, body: { kind: 'APIResourceList' } });
  expect(await ask({ path: '/apis' })).toMatchObject({ status: 200, body: { kind: 'APIGroupList' } });
});

test.each<[string, Asked, number]>([
  ['an unknown external metric', { path: '/apis/external.metrics.k8s.io/v1beta1/namespaces/fnp-1/secrets' }, 404],
  ['an unknown metric', { path: `${GROUP}/namespaces/fnp-1/pods/*/secrets` }, 404],
  ['another kind of object', { path: `${GROUP}/namespaces/fnp-1/services/*/http_requests_per_second` }, 404],
  ['a pod that is none of a function', { path: `${GROUP}/namespaces/fnp-1/pods/z/http_requests_per_second` }, 404],
  ['a selector that is none', { path: `${METRIC}?labelSelector=a+b` }, 400],
  ['a change', { method: 'DELETE' }, 405],
])('refuses %s', async (_, asked, status) => {
  expect(await ask(asked)).toMatchObject({ status, body: { kind: 'Status', code: status } });
});

test('takes a new authority and a new certificate over while it runs', async () => {
  const [authority, renewed] = [await makeAuthority('front proxy', HOUR_MS), await makeServingCertificate({ dnsNames: [HOST], addresses: [], lifetimeMs: HOUR_MS })];
  const client = await clientOf(authority, 'front-proxy-client');
  expect((await ask({ client })).status).toBe(401);
  await server.serve(trustOf(authority), renewed);
  expect((await ask({ client, ca: renewed.authority })).status).toBe(200);
  expect((await ask({ ca: renewed.authority })).status).toBe(401);
  await server.serve(trust, serving);
});

test('certificates last as long as they were asked for', () => {
  expect(Math.abs(serving.notAfter - Date.now() - HOUR_MS)).toBeLessThan(60_000);
});
