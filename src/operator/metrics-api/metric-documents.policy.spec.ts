import { describe, expect, test } from 'vitest';
import type { Pod } from '../../platform/kubernetes/kubernetes-object.js';
import type { PodLoad } from '../scaling/load-view.js';
import { isAllowedName, readIdentity, readTrust, type FrontProxyTrust } from './front-proxy.policy.js';
import { matchesSelector, onlyValue, parseSelector } from './label-selector.policy.js';
import { API_SERVICES, buildMetricsReaderRbac, buildRegistration } from './manifests/registration.js';
import { buildMetricValues, DISCOVERY, parseMetricRequest } from './metric-documents.policy.js';

describe('label selectors', () => {
  const labels = { app: 'shop', 'fnplane.dev/revision': '4', empty: '' };
  test.each<[string, boolean | null]>([
    ['', true], ['app=shop', true], ['app==shop,fnplane.dev/revision=4', true], ['app=other', false], ['app!=other', true], ['app!=shop', false], ['none!=x', true],
    ['app in (a, shop)', true], ['app in (a)', false], ['app notin (a,b),fnplane.dev/revision', true], ['none notin (a)', true], ['none', false], ['!none', true], ['! app', false],
    ['empty=', true], ['toString', false], [' app = shop , empty ', true],
    ['app=shop,', null], ['=shop', null], ['app in shop', null], ['app shop', null], ['app=sh op', null], ['app=(x)', null],
  ])('%j', (text, expected) => {
    const selector = parseSelector(text);
    expect(selector && matchesSelector(selector, labels)).toBe(expected);
  });

  test('name the one value that they allow', () => {
    const selector = parseSelector('a=1,b in (2,3),c')!;
    expect(['a', 'b', 'c', 'd'].map((key) => onlyValue(selector, key))).toEqual(['1', undefined, undefined, undefined]);
  });
});

test.each<[string, object | null]>([
  ['/apis/custom.metrics.k8s.io/v1beta2/namespaces/fnp-1/pods/*/http_requests_per_second?labelSelector=a%3Db%2Cc%3Dd', { version: 'v1beta2', namespace: 'fnp-1', pod: '*', metric: 'http_requests_per_second', labelSelector: 'a=b,c=d' }],
  ['/apis/custom.metrics.k8s.io/v1beta1/namespaces/fnp-1/pods/%2A/x', { version: 'v1beta1', namespace: 'fnp-1', pod: '*', metric: 'x', labelSelector: '' }],
  ['/apis/custom.metrics.k8s.io/v1beta2/namespaces/fnp-1/pods/shop-1/x', { version: 'v1beta2', namespace: 'fnp-1', pod: 'shop-1', metric: 'x', labelSelector: '' }],
  ['/apis/custom.metrics.k8s.io/v1/namespaces/fnp-1/pods/*/x', null],
  ['/apis/custom.metrics.k8s.io/v1beta2/namespaces/fnp-1/services/*/x', null],
  ['/apis/custom.metrics.k8s.io/v1beta2/namespaces/../pods/*/x', null],
  ['/api/v1/namespaces/fnp-1/pods', null],
])('the question %s', (url, expected) => {
  expect(parseMetricRequest(url)).toEqual(expected);
});

describe('values', () => {
  const pod = (name: string): Pod => ({ metadata: { name, namespace: 'fnp-1' } }) as Pod;
  const load = (more: Partial<PodLoad>): PodLoad => ({ perSecond: 250, concurrency: 1.5, at: Date.parse('2026-01-01T12:00:00.500Z'), windowSeconds: 11.9, ...more });

  test('are those of pods of which something is known', () => {
    const pods = [{ pod: pod('a'), load: load({}) }, { pod: pod('b'), load: load({ perSecond: undefined }) }, { pod: pod('c'), load: undefined }, { pod: pod('d'), load: load({ perSecond: 0 }) }];
    expect(buildMetricValues('v1beta2', 'http_requests_per_second', pods)).toEqual({
      kind: 'MetricValueList', apiVersion: 'custom.metrics.k8s.io/v1beta2', metadata: {},
      items: [['a', '250'], ['d', '0']].map(([name, value]) => ({
        describedObject: { kind: 'Pod', namespace: 'fnp-1', name, apiVersion: '/v1' }, metric: { name: 'http_requests_per_second' }, timestamp: '2026-01-01T12:00:00Z', windowSeconds: 12, value,
      })),
    });
    expect(buildMetricValues('v1beta1', 'fnplane_concurrency', pods.slice(0, 1))).toMatchObject({ items: [{ metricName: 'fnplane_concurrency', value: '1500m' }] });
  });

  test('are found by discovery', () => {
    expect([...DISCOVERY.keys()]).toEqual(['/apis', '/apis/custom.metrics.k8s.io', '/apis/custom.metrics.k8s.io/v1beta2', '/apis/custom.metrics.k8s.io/v1beta1', '/apis/external.metrics.k8s.io', '/apis/external.metrics.k8s.io/v1beta1', '/openapi/v3']);
    expect(DISCOVERY.get('/apis/custom.metrics.k8s.io/v1beta2')).toMatchObject({
      groupVersion: 'custom.metrics.k8s.io/v1beta2', resources: [{ name: 'pods/http_requests_per_second', namespaced: true, verbs: ['get'] }, { name: 'pods/fnplane_concurrency' }],
    });
  });
});

describe('the front proxy', () => {
  const data = {
    'requestheader-client-ca-file': '-----BEGIN CERTIFICATE-----', 'requestheader-allowed-names': '["front-proxy-client"]', 'requestheader-username-headers': '["X-Remote-User"]',
    'requestheader-group-headers': '["X-Remote-Group"]', 'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
  };
  const trust = readTrust(data) as FrontProxyTrust;

  test.each<[string, Record<string, string> | undefined]>([
    ['no ConfigMap', undefined], ['no authority', { ...data, 'requestheader-client-ca-file': '' }], ['no header for users', { ...data, 'requestheader-username-headers': '[]' }], ['what is no JSON', { ...data, 'requestheader-username-headers': 'X' }],
  ])('is not trusted with %s', (_, given) => {
    expect(readTrust(given)).toBeNull();
  });

  test('has one of the allowed names, or any where none is listed', () => {
    const anybody = readTrust({ ...data, 'requestheader-allowed-names': '[]' })!;
    expect([isAllowedName(trust, 'front-proxy-client'), isAllowedName(trust, 'another'), isAllowedName(trust, undefined), isAllowedName(anybody, 'another')]).toEqual([true, false, false, true]);
  });

  test('says for whom it asks', () => {
    const headers = { 'x-remote-user': ['jane'], 'x-remote-group': ['a', 'b,c'], 'x-remote-extra-example.com%2fteam': ['x', 'y'], accept: ['*/*'] };
    expect(readIdentity(trust, headers)).toEqual({ user: 'jane', groups: ['a', 'b,c'], extra: { 'example.com/team': ['x', 'y'] } });
    expect(readIdentity(trust, { 'x-remote-group': ['system:masters'] })).toBeNull();
    expect(readIdentity(trust, { 'x-remote-user': [''] })).toBeNull();
  });
});

test('the registration leads the API server to the leader\'s address', () => {
  const made = buildRegistration({ address: '10.0.0.7', port: 8443, authority: 'PEM' });
  expect(made.map(({ type, manifest }) => `${type.kind} ${manifest.metadata.name}`)).toEqual(['Service fnplane-metrics', 'EndpointSlice fnplane-metrics', ...API_SERVICES.map((name) => `APIService ${name}`)]);
  expect(made[1]?.manifest).toMatchObject({ addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.7'] }], ports: [{ name: 'https', port: 8443 }], metadata: { labels: { 'kubernetes.io/service-name': 'fnplane-metrics' } } });
  expect(made[2]?.manifest.spec).toEqual({
    group: 'custom.metrics.k8s.io', version: 'v1beta2', groupPriorityMinimum: 100, versionPriority: 200, service: { name: 'fnplane-metrics', namespace: 'fnplane-system', port: 443 }, caBundle: 'UEVN',
  });
  expect(buildRegistration({ address: 'fd00::7', port: 1, authority: '' })[1]?.manifest).toMatchObject({ addressType: 'IPv6' });
});

test('Kubernetes\' autoscaler alone is let at the metrics', () => {
  expect(buildMetricsReaderRbac('reader').map(({ manifest }) => manifest)).toMatchObject([
    { kind: 'ClusterRole', rules: [{ apiGroups: ['custom.metrics.k8s.io', 'external.metrics.k8s.io'], verbs: ['get', 'list'] }] },
    { kind: 'ClusterRoleBinding', roleRef: { name: 'reader' }, subjects: [{ kind: 'ServiceAccount', name: 'horizontal-pod-autoscaler', namespace: 'kube-system' }] },
  ]);
});
