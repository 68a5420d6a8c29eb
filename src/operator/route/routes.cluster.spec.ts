import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { selfSigned, type TestCertificate } from '../../../test/support/certificates.js';
import { followingCluster, gatewayApiCrds, Traefik } from '../../../test/support/traefik.js';
import type { FunctionResource, FunctionSpec } from '../../contract/function-resource.js';
import { SYSTEM_NAMESPACE } from '../../contract/names.js';
import type { HttpTriggerSpec } from '../../contract/triggers.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { KubernetesObject, Node } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import { GatewayRole } from '../../roles/gateway.role.js';
import { OperatorRole } from '../../roles/operator.role.js';
import { actAsOperator, admitToEnvironments, removeOperatorIdentity } from '../function/testing/operator-identity.js';
import { pushProbeImage } from '../function/testing/probe-image.js';
import { isReady, trafficOf } from '../function/testing/test-operator.js';
import { revision, TestTenant, until } from '../function/testing/test-tenant.js';
import type { RouteKind, RouteSettings } from './route-settings.js';

const REGISTRY = process.env.FNPLANE_REGISTRY ?? process.env.FNPLANE_TEST_REGISTRY ?? '127.0.0.1:5010';
const MANAGER = { fieldManager: 'fnplane-test' };
const GATEWAY_CLASS: ResourceType = { group: 'gateway.networking.k8s.io', version: 'v1', plural: 'gatewayclasses', kind: 'GatewayClass', namespaced: false };
const GATEWAY: ResourceType = { group: 'gateway.networking.k8s.io', version: 'v1', plural: 'gateways', kind: 'Gateway', namespaced: true };
const INGRESS_CLASS: ResourceType = { group: 'networking.k8s.io', version: 'v1', plural: 'ingressclasses', kind: 'IngressClass', namespaced: false };
/** The first run of all builds Traefik. */
const BUILD_MS = 900_000;

const id = randomUUID().slice(0, 8);
const name = `way-in-${id}`;

let client: KubernetesClient;
let gateway: GatewayRole;
let traefik: Traefik;
let image: string;
let address: string;
const operated: Operated[] = [];

interface Operated {
  tenant: TestTenant;
  operator: OperatorRole;
  operatorClient: KubernetesClient;
}

/** A tenant whose operator writes its routes in one of the two ways. */
async function operate(kind: RouteKind): Promise<Operated> {
  const tenant = new TestTenant(client);
  await tenant.create();
  const identity = `routes-${tenant.id}`;
  const operatorClient = await actAsOperator(client, process.env.KUBECONFIG!, identity);
  await admitToEnvironments(client, tenant.namespace, identity);
  const settings: RouteSettings = {
    kind, gateway: { addresses: [address], port: Number(new URL(gateway.address).port) }, ...(kind === 'ingress' ? { ingressClass: name } : { parent: { namespace: operated[0]?.tenant.namespace ?? tenant.namespace, name }, tls: { gatewayClass: name, port: traefik.tlsPort } }),
  };
  const operator = new OperatorRole({
    client: operatorClient, namespace: tenant.namespace, leaseName: identity, routes: settings, scaling: { gateways: [() => Promise.resolve(gateway.loadReport())] },
  });
  const started = { tenant, operator, operatorClient };
  operated.push(started);
  operator.start();
  await until(async () => operator.readiness.detail === 'leader', 30_000, () => operator.readiness.detail);
  return started;
}

beforeAll(async () => {
  const path = process.env.KUBECONFIG;
  if (!path) throw new Error('KUBECONFIG must name the test cluster');
  client = new KubernetesClient({ cluster: 'test', source: { kind: 'file', path } });
  const { items: [node] } = await client.list<Node>(RESOURCE.node);
  address = node!.status!.addresses!.find(({ type }) => type === 'InternalIP')!.address;
  for (const crd of await gatewayApiCrds()) await client.apply(RESOURCE.customResourceDefinition, crd, MANAGER);
  await until(async () => (await client.list(GATEWAY_CLASS, {})).items.length >= 0, 20_000, 'the Gateway API to be served');
  image = await pushProbeImage(REGISTRY);
  gateway = new GatewayRole({ listen: { host: address, port: 0 }, client, podNetwork: 'direct', internalSecret: 'a secret of at least thirty-two characters', issuerTokens: { verify: () => Promise.reject(new Error('no tokens in this test')) }, tokenVerifier: { verify: () => Promise.reject(new Error('none')) } });
  await gateway.start();
  traefik = await Traefik.start(followingCluster(name), { KUBECONFIG: path });
  await client.apply(INGRESS_CLASS, { metadata: { name }, spec: { controller: 'traefik.io/ingress-controller' } } as KubernetesObject, MANAGER);
  await client.apply(GATEWAY_CLASS, { metadata: { name, labels: { 'fnplane.dev/test': name } }, spec: { controllerName: 'traefik.io/gateway-controller' } } as KubernetesObject, MANAGER);
}, BUILD_MS);

afterAll(async () => {
  for (const { tenant, operator, operatorClient } of operated) {
    await operator.stop();
    await client.delete(RESOURCE.lease, { namespace: SYSTEM_NAMESPACE, name: `routes-${tenant.id}` });
    await removeOperatorIdentity(client, `routes-${tenant.id}`);
    await tenant.remove();
    await operatorClient.close();
  }
  await Promise.all([client?.delete(GATEWAY_CLASS, { name }), client?.delete(INGRESS_CLASS, { name })]);
  await traefik?.stop();
  await gateway?.stop(0);
  await client?.close();
}, 120_000);

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  path: string | undefined;
  revision: string | undefined;
}

function ask(host: string, path: string, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: traefik.port, path, method, agent: false, headers: { host } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).once('end', () => {
        const text = Buffer.concat(chunks).toString();
        const { path: seen, revision: by } = (response.statusCode === 200 && text.startsWith('{') ? JSON.parse(text) : {}) as { path?: string; revision?: string };
        resolve({ status: response.statusCode!, headers: response.headers, path: seen, revision: by });
      });
    }).once('error', reject).setTimeout(20_000, function (this: { destroy: () => void }) { this.destroy(); }).end();
  });
}

/** By TLS. @returns the status, and the certificate that was shown for the host */
function askSecurely(host: string, path: string): Promise<{ status: number; shown: string }> {
  return new Promise((resolve, reject) => {
    secureRequest({ host: '127.0.0.1', port: traefik.tlsPort, path, agent: false, servername: host, rejectUnauthorized: false, headers: { host } }, (response) => {
      const shown = (response.socket as TLSSocket).getPeerX509Certificate()?.toString() ?? '';
      response.resume().once('end', () => resolve({ status: response.statusCode!, shown }));
    }).once('error', reject).setTimeout(20_000, function (this: { destroy: () => void }) { this.destroy(); }).end();
  });
}

/** A Secret as the worker would place it. */
async function placeCertificate({ namespace }: TestTenant, secret: string, { certificate, privateKey }: TestCertificate): Promise<void> {
  const data = { 'tls.crt': Buffer.from(certificate).toString('base64'), 'tls.key': Buffer.from(privateKey).toString('base64') };
  await client.apply(RESOURCE.secret, { metadata: { name: secret, namespace }, type: 'kubernetes.io/tls', data } as KubernetesObject, MANAGER);
}

const showing = (host: string, path: string, { certificate }: TestCertificate): Promise<void> => until(async () => {
  const { status, shown } = await askSecurely(host, path);
  return status === 200 && shown.trim() === certificate.trim();
}, 20_000, `${host} to be served with its certificate`);

/** Asks one request after the other while something is done. @returns how often each status and each revision answered */
async function trickling(host: string, path: string, work: () => Promise<void>): Promise<{ statuses: Record<string, number>; revisions: Record<string, number> }> {
  const [statuses, revisions]: [Record<string, number>, Record<string, number>] = [{}, {}];
  let going = true;
  const count = (into: Record<string, number>, key: string): void => void (into[key] = (into[key] ?? 0) + 1);
  const done = (async () => {
    while (going) {
      const answer = await ask(host, path).catch((error: Error) => ({ status: error.message, revision: undefined }));
      count(statuses, String(answer.status));
      if (answer.revision) count(revisions, answer.revision);
      await new Promise((resolve) => { setTimeout(resolve, 10); });
    }
  })();
  await work().finally(() => { going = false; });
  await done;
  return { statuses, revisions };
}

/** Requests that the platform's gateway has sent on for a function. */
const passed = (functionId: string): number => gateway.loadReport().functions.find((load) => load.functionId === functionId)?.requests ?? 0;

async function leadsTo(tenant: TestTenant, type: ResourceType, fn: string, trigger: string): Promise<string | undefined> {
  const route = await client.find(type, { namespace: tenant.namespace, name: `${fn}---${trigger}` });
  return route?.metadata.annotations?.['fnplane.dev/leads-to'];
}

const public_ = (trigger: string, host: string, value: string, more: Partial<HttpTriggerSpec> = {}): HttpTriggerSpec => ({ name: trigger, host, path: { type: 'prefix', value }, authentication: 'public', ...more });

describe('by the Gateway API', () => {
  let tenant: TestTenant;
  const functionId = randomUUID();
  const host = `shop-${id}.example`;
  const one = (number = 1) => revision(number, image, { metering: 'runtime' });
  let spec: Partial<FunctionSpec> & Pick<FunctionSpec, 'revisions' | 'target' | 'functionId'>;

  const deploy = (changes: Partial<FunctionSpec>): Promise<FunctionResource> => {
    spec = { ...spec, ...changes };
    return tenant.deploy('shop', spec);
  };
  const whenLeading = (to: string, trigger = 'api', withinMs = 20_000): Promise<void> => until(async () => (await leadsTo(tenant, RESOURCE.httpRoute, 'shop', trigger)) === to, withinMs, `${trigger} to lead to the ${to}`);
  /** Until the way in has taken the change over: the next requests come past the gateway. */
  const whenStraight = (path: string): Promise<void> => until(async () => {
    const before = passed(functionId);
    return (await ask(host, path)).status === 200 && passed(functionId) === before;
  }, 20_000, 'requests to go straight to the pods');

  beforeAll(async () => {
    ({ tenant } = await operate('gateway-api'));
    await client.apply(GATEWAY, {
      metadata: { name, namespace: tenant.namespace }, spec: { gatewayClassName: name, listeners: [{ name: 'web', port: traefik.port, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } }] },
    } as KubernetesObject, MANAGER);
    spec = {
      functionId, target: 1, revisions: [one()], scaling: { min: 1, max: 2 },
      triggers: {
        http: [
          public_('api', host, '/api', { rewrite: { prefix: '/' } }), public_('status', host, '/status', { path: { type: 'exact', value: '/status' } }),
          public_('orders', host, '/api/orders', { methods: ['GET', 'POST'], rewrite: { prefix: '/v2' } }), public_('closed', host, '/closed', { authentication: 'required' }),
        ],
      },
    };
    await deploy({});
    await tenant.waitFor('shop', isReady, 30_000);
    for (const trigger of ['api', 'status', 'orders']) await whenLeading('pods', trigger);
    for (const path of ['/api', '/status', '/api/orders/7']) await whenStraight(path);
  }, 90_000);

  it('host, path, methods and rewriting are as the gateway has them, without the hop', async () => {
    const before = passed(functionId);
    const seen = async (path: string, method?: string): Promise<[number, string | undefined]> => {
      const { status, path: at } = await ask(host, path, method);
      return [status, at];
    };
    expect(await seen('/api')).toEqual([200, '/']);
    expect(await seen('/api/a/b?x=1')).toEqual([200, '/a/b']);
    expect(await seen('/status')).toEqual([200, '/status']);
    expect(await seen('/api/orders/7')).toEqual([200, '/v2/7']);
    expect(await seen('/api/orders', 'POST')).toEqual([200, '/v2']);
    expect(await seen('/api/ordersx')).toEqual([200, '/ordersx']);
    expect(passed(functionId)).toBe(before);
    expect((await ask(host, '/status/x')).status).toBe(404);
    expect((await ask(host, '/apix')).status).toBe(404);
    expect((await ask(`other-${id}.example`, '/api')).status).toBe(404);
  });

  it('what only the gateway holds goes through it: credentials, and the answer to other methods', async () => {
    const refused = await ask(host, '/api/orders', 'DELETE');
    expect([refused.status, refused.headers.allow]).toEqual([405, 'GET, POST']);
    expect((await ask(host, '/closed')).status).toBe(401);
    expect(await leadsTo(tenant, RESOURCE.httpRoute, 'shop', 'closed')).toBe('gateway');
  });

  it('no request fails while it changes from pods to the gateway and back, nor while a new revision takes over by shares', async () => {
    const triggers = spec.triggers!;
    const switched = await trickling(host, '/api/x', async () => {
      const before = passed(functionId);
      await deploy({ triggers: { http: triggers.http!.map((trigger) => ({ ...trigger, through: 'gateway' as const })) } });
      await whenLeading('gateway');
      await until(async () => passed(functionId) > before, 10_000, 'requests to come through the gateway');
      await deploy({ triggers });
      await whenLeading('pods');
      await whenStraight('/api/x');
      await deploy({ target: 2, revisions: [one(1), one(2)], rollout: { strategy: 'canary', attempt: 1, steps: [{ setWeight: 50 }, { pause: {} }] } });
      await tenant.waitFor('shop', (fn) => fn.status?.traffic?.length === 2, 30_000);
    });
    expect(Object.keys(switched.statuses)).toEqual(['200']);
    await until(async () => new Set([(await ask(host, '/api/x')).revision, (await ask(host, '/api/x')).revision]).size === 2, 10_000, 'both revisions to answer');
    const before = passed(functionId);
    const shares: Record<string, number> = {};
    for (let i = 0; i < 40; i += 1) {
      const { revision: by = 'none' } = await ask(host, '/api/x');
      shares[by] = (shares[by] ?? 0) + 1;
    }
    expect(shares).toEqual({ 1: expect.closeTo(20, -1), 2: expect.closeTo(20, -1) });
    expect(passed(functionId)).toBe(before);
    const promoted = await trickling(host, '/api/x', async () => {
      await deploy({ rollout: { ...spec.rollout!, promoted: true } });
      await tenant.waitFor('shop', (fn) => isReady(fn) && trafficOf(fn) === '2:100', 30_000);
      await until(async () => (await ask(host, '/api/x')).revision === '2' && (await ask(host, '/api/x')).revision === '2', 10_000, 'the new revision to answer alone');
    });
    expect(Object.keys(promoted.statuses)).toEqual(['200']);
  });

  it('what somebody changes or takes away is put right', async () => {
    const route = { namespace: tenant.namespace, name: 'shop---api' };
    await client.patch(RESOURCE.httpRoute, route, { spec: { hostnames: ['elsewhere.example'] } }, MANAGER);
    await until(async () => JSON.stringify(await client.find(RESOURCE.httpRoute, route)).includes(host), 10_000, 'the host to be put right');
    await client.delete(RESOURCE.httpRoute, route);
    await client.delete(RESOURCE.endpointSlice, { namespace: tenant.namespace, name: 'shop---gateway' });
    await until(async () => (await client.find(RESOURCE.httpRoute, route)) !== null && (await client.find(RESOURCE.endpointSlice, { namespace: tenant.namespace, name: 'shop---gateway' })) !== null, 10_000, 'route and way to be made again');
    await whenLeading('pods');
  });

  it('at zero it leads to the gateway, before the last pod goes; the next request wakes it, and the way is straight again', async () => {
    await deploy({ scaling: { min: 0, max: 1, idleTimeoutSeconds: 2 } });
    await whenLeading('gateway', 'api', 30_000);
    // The pods are still there: who comes now is served, by whichever way it is.
    expect((await tenant.get('shop')).status?.scale?.active).toBe(true);
    expect((await ask(host, '/api/late')).status).toBe(200);
    await tenant.waitFor('shop', (fn) => fn.status?.scale?.active === false, 30_000);
    await whenLeading('gateway');
    const before = passed(functionId);
    expect(await ask(host, '/api/woken')).toMatchObject({ status: 200, path: '/woken' });
    expect(passed(functionId)).toBe(before + 1);
    await whenLeading('pods');
    await whenStraight('/api/x');
  });

  it('a host is served with its tenant\'s certificate, and with the next one once that is named', async () => {
    const [first, second] = [await selfSigned(host), await selfSigned(host)];
    await placeCertificate(tenant, 'tls-1', first);
    await placeCertificate(tenant, 'tls-2', second);
    const { http = [] } = spec.triggers!;
    const withTls = (secret: string) => ({ triggers: { http: http.map((trigger) => (trigger.name === 'api' ? { ...trigger, tls: { secret } } : trigger)) } });
    await deploy(withTls('tls-1'));
    await showing(host, '/api/x', first);
    expect((await askSecurely(host, '/closed')).status).toBe(404);
    await deploy(withTls('tls-2'));
    await showing(host, '/api/x', second);
    expect((await ask(host, '/api/x')).status).toBe(200);
    await deploy({ triggers: { http } });
    await until(async () => (await askSecurely(host, '/api/x').catch(() => undefined))?.status !== 200, 20_000, 'the host to be served without TLS alone');
  });

  it('nothing is left of it when it is gone', async () => {
    await client.delete(RESOURCE.function, { namespace: tenant.namespace, name: 'shop' }, { propagationPolicy: 'Background' });
    for (const type of [RESOURCE.httpRoute, RESOURCE.endpointSlice, RESOURCE.service]) {
      await until(async () => (await client.list(type, { namespace: tenant.namespace })).items.length === 0, 40_000, `no ${type.kind} to be left`);
    }
    await until(async () => (await ask(host, '/api')).status === 404, 10_000, 'the way in to forget it');
  });
});

describe('by Ingresses', () => {
  it('plain paths go straight to the pods, all else through the gateway; nothing is left', async () => {
    const { tenant } = await operate('ingress');
    const functionId = randomUUID();
    const host = `ingress-${id}.example`;
    await tenant.deploy('shop', {
      functionId, target: 1, revisions: [revision(1, image, { metering: 'runtime' })], scaling: { min: 1, max: 1 },
      triggers: { http: [public_('api', host, '/api'), public_('rewritten', host, '/old', { rewrite: { prefix: '/new' }, methods: ['GET'] })] },
    });
    await tenant.waitFor('shop', isReady, 30_000);
    await until(async () => (await leadsTo(tenant, RESOURCE.ingress, 'shop', 'api')) === 'pods', 20_000, 'it to lead to the pods');
    await until(async () => {
      const before = passed(functionId);
      return (await ask(host, '/api/x')).path === '/api/x' && passed(functionId) === before;
    }, 20_000, 'requests to go straight to the pods');
    await until(async () => (await ask(host, '/old/x')).path === '/new/x', 20_000, 'the other path to be served');
    const before = passed(functionId);
    expect(await ask(host, '/old/x')).toMatchObject({ status: 200, path: '/new/x' });
    expect(passed(functionId)).toBe(before + 1);
    expect([(await ask(host, '/old', 'POST')).status, (await ask(host, '/apix')).status]).toEqual([405, 404]);
    const certificate = await selfSigned(host);
    await placeCertificate(tenant, 'tls', certificate);
    const one = { functionId, target: 1, revisions: [revision(1, image, { metering: 'runtime' })], scaling: { min: 1, max: 1 } };
    await tenant.deploy('shop', { ...one, triggers: { http: [public_('api', host, '/api', { tls: { secret: 'tls' } })] } });
    await showing(host, '/api/x', certificate);
    await tenant.deploy('shop', one);
    await until(async () => (await client.list(RESOURCE.ingress, { namespace: tenant.namespace })).items.length === 0, 20_000, 'the Ingresses to go');
  }, 120_000);
});
