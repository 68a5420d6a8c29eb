import { describe, expect, it } from 'vitest';
import { LABEL } from '../../../contract/names.js';
import type { HttpTriggerSpec } from '../../../contract/triggers.js';
import { functionOf } from '../../function/testing/observed.js';
import type { RouteSettings } from '../route-settings.js';
import { buildGatewayService, buildGatewaySlice } from './gateway-backend.js';
import { buildHttpRoute } from './http-route.js';
import { buildIngress } from './ingress.js';
import { directionOf, type RouteInput } from './route-labels.js';
import { buildTlsGateway } from './tls-gateway.js';

const SETTINGS: RouteSettings = { kind: 'gateway-api', gateway: { addresses: ['10.0.0.5', '10.0.0.6'], port: 3080 }, parent: { namespace: 'way-in', name: 'public', section: 'web' } };
const SINCE = '2026-01-01T00:00:00.000Z';

function input(trigger: Partial<HttpTriggerSpec> = {}, to: 'pods' | 'gateway' = 'pods'): RouteInput {
  return {
    fn: functionOf(), trigger: { name: 'orders', host: 'shop.example', path: { type: 'prefix', value: '/orders' }, authentication: 'public', ...trigger },
    direction: { to, since: SINCE }, backends: to === 'pods' ? [{ service: 'shop', port: 80, weight: 80 }, { service: 'shop---r00002', port: 8080, weight: 20 }] : [{ service: 'shop---gateway', port: 80, weight: 1 }],
  };
}

const removed = { type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['x-fnplane-deadline', 'x-fnplane-internal'] } };

describe('an HTTPRoute', () => {
  it('has host, path and shares, belongs to its Function, and says where it leads', () => {
    const route = buildHttpRoute(input(), SETTINGS);
    expect(route.metadata).toMatchObject({ name: 'shop---orders', namespace: 'fnp-team', labels: { [LABEL.function]: 'shop' }, ownerReferences: [{ kind: 'Function', name: 'shop', uid: 'fn-uid' }] });
    expect(directionOf(route)).toEqual({ to: 'pods', since: SINCE });
    expect(route.spec).toEqual({
      parentRefs: [{ name: 'public', namespace: 'way-in', sectionName: 'web' }], hostnames: ['shop.example'],
      rules: [{
        matches: [{ path: { type: 'PathPrefix', value: '/orders' } }], filters: [removed],
        backendRefs: [{ name: 'shop', port: 80, weight: 80 }, { name: 'shop---r00002', port: 8080, weight: 20 }],
      }],
    });
  });

  it('rewrites, and has the other methods answered by the gateway', () => {
    const { rules } = buildHttpRoute(input({ rewrite: { prefix: '/' }, methods: ['GET', 'POST'] }), SETTINGS).spec;
    expect(rules).toMatchObject([
      { matches: [{ method: 'GET' }], backendRefs: [{ name: 'shop' }, { name: 'shop---r00002' }] },
      { matches: [{ method: 'POST' }], filters: [removed, { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } } }] },
      { matches: [{ path: { type: 'PathPrefix', value: '/orders' } }], backendRefs: [{ name: 'shop---gateway', port: 80, weight: 1 }] },
    ]);
    expect(JSON.stringify(rules[2])).not.toContain('method');
    const exact = buildHttpRoute(input({ path: { type: 'exact', value: '/status' }, rewrite: { prefix: '/healthz' } }), SETTINGS).spec.rules[0];
    expect(exact).toMatchObject({ matches: [{ path: { type: 'Exact', value: '/status' } }], filters: [removed, { urlRewrite: { path: { type: 'ReplaceFullPath', replaceFullPath: '/healthz' } } }] });
  });

  it('leaves all that to the gateway where that is next', () => {
    expect(buildHttpRoute(input({ rewrite: { prefix: '/' }, methods: ['GET'] }, 'gateway'), SETTINGS).spec.rules).toEqual([
      { matches: [{ path: { type: 'PathPrefix', value: '/orders' } }], backendRefs: [{ name: 'shop---gateway', port: 80, weight: 1 }] },
    ]);
  });
});

describe('a host with a certificate of the tenant\'s', () => {
  const tls = { gatewayClass: 'public', port: 8443 };
  const withTls = input({ tls: { secret: 'shop-tls-1' } });

  it('is a Gateway in the tenant\'s namespace, to which no other namespace\'s routes belong', () => {
    const gateway = buildTlsGateway(withTls, tls);
    expect(gateway.metadata).toMatchObject({ name: 'shop---orders', namespace: 'fnp-team', ownerReferences: [{ kind: 'Function', name: 'shop' }] });
    expect(gateway.spec).toEqual({
      gatewayClassName: 'public',
      listeners: [{ name: 'https', hostname: 'shop.example', port: 8443, protocol: 'HTTPS', tls: { mode: 'Terminate', certificateRefs: [{ name: 'shop-tls-1' }] }, allowedRoutes: { namespaces: { from: 'Same' } } }],
    });
  });

  it('has its route belong to both, as long as such are made', () => {
    expect(buildHttpRoute(withTls, { ...SETTINGS, tls }).spec.parentRefs).toEqual([{ name: 'public', namespace: 'way-in', sectionName: 'web' }, { name: 'shop---orders' }]);
    expect(buildHttpRoute(withTls, SETTINGS).spec.parentRefs).toHaveLength(1);
    expect(buildHttpRoute(input(), { ...SETTINGS, tls }).spec.parentRefs).toHaveLength(1);
  });
});

describe('an Ingress', () => {
  const settings: RouteSettings = { ...SETTINGS, kind: 'ingress', ingressClass: 'public', annotations: { 'way.in/limit': '5' } };

  it('has class, annotations, path and its one Service', () => {
    const ingress = buildIngress(input({ path: { type: 'exact', value: '/status' } }, 'gateway'), settings);
    expect(ingress.metadata.annotations).toMatchObject({ 'way.in/limit': '5' });
    expect(ingress.spec).toEqual({
      ingressClassName: 'public',
      rules: [{ host: 'shop.example', http: { paths: [{ path: '/status', pathType: 'Exact', backend: { service: { name: 'shop---gateway', port: { number: 80 } } } }] } }],
    });
  });

  it('names the certificate of its host', () => {
    expect(buildIngress(input({ tls: { secret: 'shop-tls-1' } }, 'gateway'), settings).spec.tls).toEqual([{ hosts: ['shop.example'], secretName: 'shop-tls-1' }]);
  });

  it('cannot have two', () => {
    expect(() => buildIngress(input(), settings)).toThrow('one backend');
  });
});

it('the way to the gateways names their addresses, and is not taken for a function\'s pods', () => {
  expect(buildGatewayService(functionOf(), SETTINGS).spec).toMatchObject({ clusterIP: 'None', ports: [{ name: 'http', port: 80, targetPort: 3080 }] });
  const slice = buildGatewaySlice(functionOf(), SETTINGS);
  expect(slice).toMatchObject({
    addressType: 'IPv4', ports: [{ name: 'http', port: 3080 }], endpoints: [{ addresses: ['10.0.0.5'] }, { addresses: ['10.0.0.6'] }],
    metadata: { labels: { 'kubernetes.io/service-name': 'shop---gateway' } },
  });
  expect(slice.metadata.labels).not.toHaveProperty([LABEL.function]);
  expect(buildGatewaySlice(functionOf(), { ...SETTINGS, gateway: { addresses: ['fd00::5'], port: 1 } }).addressType).toBe('IPv6');
});
