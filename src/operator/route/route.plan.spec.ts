import { describe, expect, it } from 'vitest';
import type { FunctionSpec, RevisionSpec } from '../../contract/function-resource.js';
import { LABEL } from '../../contract/names.js';
import type { HttpTriggerSpec } from '../../contract/triggers.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { functionOf, IMAGE } from '../function/testing/observed.js';
import { SmallWorld } from '../function/testing/small-world.js';
import { revision } from '../function/testing/test-tenant.js';
import type { FunctionPlan } from '../function/function.plan.js';
import { ROUTE_SETTLE_MS, type ObservedRoutes } from './route.plan.js';
import type { RouteKind, RouteSettings } from './route-settings.js';

const GATEWAY = { addresses: ['10.0.0.5'], port: 3080 };
const PEER = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'way-in' } } };

function settingsOf(kind: RouteKind): RouteSettings {
  return { kind, gateway: GATEWAY, peers: [PEER], ...(kind === 'gateway-api' ? { parent: { namespace: 'way-in', name: 'public' } } : { ingressClass: 'public', annotations: { 'way.in/limit': '5' } }) };
}

function trigger(more: Partial<HttpTriggerSpec> = {}): HttpTriggerSpec {
  return { name: 'orders', host: 'shop.example', path: { type: 'prefix', value: '/orders' }, authentication: 'public', ...more };
}

const counted = (number: number, more: Partial<RevisionSpec> = {}): RevisionSpec => revision(number, IMAGE, { runtime: 'node', metering: 'runtime', ...more });

/** A small world with a way in: routes are carried out too. */
class WorldWithRoutes extends SmallWorld {
  private routes: ObservedRoutes = { routes: [], gateways: [], service: undefined, slice: undefined };

  constructor(spec: Partial<FunctionSpec>, private readonly settings: RouteSettings = settingsOf('gateway-api')) {
    super({ revisions: [counted(1)], triggers: { http: [trigger()] }, ...spec });
  }

  override reconcile(): FunctionPlan {
    this.context = { ...this.context, routes: { settings: this.settings, observed: this.routes } };
    const plan = super.reconcile();
    const { routes, gateways, service, slice } = { ...this.routes };
    const removed = new Set(plan.removals.map(({ uid }) => uid));
    const stored = (manifest: { metadata: { name: string } }) => ({ ...manifest, metadata: { uid: `uid-${manifest.metadata.name}`, ...manifest.metadata } });
    const of = (type: object): { metadata: { name: string } }[] => plan.applies.filter((apply) => apply.type === type).map(({ manifest }) => stored(manifest));
    const written = [...of(RESOURCE.httpRoute), ...of(RESOURCE.ingress)];
    const gatewayService = of(RESOURCE.service).find(({ metadata }) => metadata.name === 'shop---gateway');
    this.routes = {
      routes: [...routes.filter(({ metadata }) => !removed.has(metadata.uid ?? '') && !written.some((one) => one.metadata.name === metadata.name)), ...written],
      gateways: [...gateways.filter(({ metadata }) => !removed.has(metadata.uid ?? '') && !of(RESOURCE.gateway).some((one) => one.metadata.name === metadata.name)), ...of(RESOURCE.gateway)],
      service: gatewayService ?? (service && removed.has(service.metadata.uid ?? '') ? undefined : service),
      slice: of(RESOURCE.endpointSlice)[0] ?? (slice && removed.has(slice.metadata.uid ?? '') ? undefined : slice),
    } as ObservedRoutes;
    // As the caches divide them; routes stand among the rest, so that a change of theirs is one of the world.
    const revisionServices = this.observed.revisionServices.filter(({ metadata }) => metadata.labels?.[LABEL.revision] !== undefined);
    this.observed = { ...this.observed, revisionServices, ...{ wayIn: this.routes } };
    this.context = { ...this.context, routes: { settings: this.settings, observed: this.routes } };
    return plan;
  }

  /** `orders: shop:100` */
  get ways(): string {
    return this.routes.routes.map((route) => {
      const { spec } = route as unknown as { spec: { rules: { backendRefs?: { name: string; weight: number }[]; http?: { paths: { backend: { service: { name: string } } }[] } }[] } };
      const [rule] = spec.rules;
      const refs = rule!.backendRefs?.map(({ name, weight }) => `${name}:${weight}`) ?? [rule!.http!.paths[0]!.backend.service.name];
      return `${route.metadata.name.split('---')[1]}: ${refs.join(' ')}`;
    }).join(', ');
  }

  get admitted(): boolean {
    return JSON.stringify(this.observed.networkPolicy).includes('way-in');
  }

  get gateways(): ObservedRoutes['gateways'] {
    return this.routes.gateways;
  }

  get left(): string[] {
    return [...this.routes.routes, ...this.routes.gateways, this.routes.service, this.routes.slice].flatMap((object) => object?.metadata.name ?? []);
  }
}

describe('a trigger\'s route', () => {
  it('leads to the gateway until the pods are ready, then to them, and says no more', () => {
    const world = new WorldWithRoutes({});
    world.reconcile();
    expect([world.ways, world.admitted]).toEqual(['orders: shop---gateway:1', true]);
    world.settle();
    expect(world.ways).toBe('orders: shop:100');
    expect(world.settle()).toEqual([]);
    expect(world.left).toEqual(['shop---orders', 'shop---gateway', 'shop---gateway']);
  });

  it.each<[string, Partial<FunctionSpec>, Partial<HttpTriggerSpec>]>([
    ['whose callers need a credential', {}, { authentication: 'required' }],
    ['that may lead nowhere else for now', {}, { through: 'gateway' }],
    ['that is held to limits', {}, { limits: { rate: { perSecond: 10 } } }],
    ['whose pages of other origins have rules', {}, { cors: { allowOrigins: ['*'] } }],
    ['of a function that is suspended', { suspension: 'ingress' }, {}],
    ['of an image without counters', { revisions: [counted(1, { runtime: 'image', metering: 'gateway' })] }, {}],
    ['of a function whose pods take so many at once', { revisions: [counted(1, { concurrency: 5 })] }, {}],
  ])('%s leads to the gateway', (_, spec, more) => {
    const world = new WorldWithRoutes({ ...spec, triggers: { http: [trigger(more)] } });
    world.settle();
    expect(world.ways).toBe('orders: shop---gateway:1');
  });

  it('lets the way in reach no pods of a function that it is never sent to', () => {
    const world = new WorldWithRoutes({ triggers: { http: [trigger({ authentication: 'required' })] } });
    world.settle();
    expect(world.admitted).toBe(false);
  });

  it('leaves the pods before the last one goes, and lets the way in hear of it first', () => {
    const world = new WorldWithRoutes({ scaling: { min: 0, max: 1, idleTimeoutSeconds: 10 } });
    world.context = { scaling: { load: { lastActiveAt: world.now, perSecond: 0, concurrency: 0, waiting: 0, complete: true } } };
    world.settle();
    expect(world.ways).toBe('orders: shop:100');
    world.now += 10_000;
    world.settle();
    expect([world.ways, world.short]).toEqual(['orders: shop---gateway:1', 'main 1, own -, traffic 1:100, pods 1:1']);
    world.now += ROUTE_SETTLE_MS - 1;
    world.settle();
    expect(world.short).toContain('pods 1:1');
    world.now += 1;
    world.settle();
    expect([world.ways, world.short]).toEqual(['orders: shop---gateway:1', 'main 1, own -, traffic 1:100, pods 1:0']);
  });

  it('comes back to the pods when a request comes after all', () => {
    const world = new WorldWithRoutes({ scaling: { min: 0, max: 1, idleTimeoutSeconds: 10 } });
    const idle = { lastActiveAt: world.now, perSecond: 0, concurrency: 0, waiting: 0, complete: true };
    world.context = { scaling: { load: idle } };
    world.settle();
    world.now += 10_000;
    world.settle();
    world.context = { ...world.context, scaling: { load: { ...idle, lastActiveAt: world.now } } };
    world.settle();
    expect([world.ways, world.short]).toEqual(['orders: shop:100', 'main 1, own -, traffic 1:100, pods 1:1']);
  });

  it('follows a canary\'s shares; an Ingress leaves them to the gateway', () => {
    for (const [kind, during] of [['gateway-api', 'orders: shop:80 shop---r00002:20'], ['ingress', 'orders: shop---gateway']] as const) {
      const world = new WorldWithRoutes({}, settingsOf(kind));
      world.settle();
      world.deploy({ target: 2, revisions: [counted(1), counted(2)], rollout: { strategy: 'canary', attempt: 1, steps: [{ setWeight: 20 }, { pause: {} }] } });
      world.settle();
      expect(world.ways).toBe(during);
      world.deploy({ rollout: { ...world.fn.spec.rollout!, promoted: true } });
      world.settle();
      expect(world.ways).toBe(kind === 'ingress' ? 'orders: shop' : 'orders: shop:100');
    }
  });

  it('stays with the pods while some of them answer, and goes to the gateway when none does', () => {
    const world = new WorldWithRoutes({ scaling: { min: 2, max: 2 } });
    world.settle();
    world.readyAtMost.set(1, 1);
    world.settle();
    world.reconcile();
    expect(world.ways).toBe('orders: shop:100');
    world.readyAtMost.set(1, 0);
    world.settle();
    world.reconcile();
    expect(world.ways).toBe('orders: shop---gateway:1');
  });

  it('goes when its trigger does, and nothing is left', () => {
    const world = new WorldWithRoutes({ triggers: { http: [trigger(), trigger({ name: 'other', path: { type: 'exact', value: '/x' } })] } });
    world.settle();
    expect(world.left).toHaveLength(4);
    world.deploy({ triggers: { http: [trigger()] } });
    world.settle();
    expect(world.left).toHaveLength(3);
    world.deploy({ triggers: undefined });
    world.settle();
    expect([world.left, world.admitted]).toEqual([[], false]);
  });

  it('that may lead to the pods no more lets the way in reach them until that has heard of it', () => {
    const world = new WorldWithRoutes({});
    world.settle();
    world.deploy({ triggers: { http: [trigger({ authentication: 'required' })] } });
    world.settle();
    expect([world.ways, world.admitted]).toEqual(['orders: shop---gateway:1', true]);
    world.now += ROUTE_SETTLE_MS;
    world.settle();
    expect(world.admitted).toBe(false);
  });

  it('of a host with a certificate of the tenant\'s has a Gateway beside it, as long as it has one', () => {
    const settings: RouteSettings = { ...settingsOf('gateway-api'), tls: { gatewayClass: 'public', port: 8443 } };
    const world = new WorldWithRoutes({ triggers: { http: [trigger({ tls: { secret: 'shop-tls-1' } }), trigger({ name: 'plain', path: { type: 'prefix', value: '/x' } })] } }, settings);
    world.settle();
    expect(world.left).toEqual(['shop---orders', 'shop---plain', 'shop---orders', 'shop---gateway', 'shop---gateway']);
    expect(world.settle()).toEqual([]);
    world.deploy({ triggers: { http: [trigger({ tls: { secret: 'shop-tls-2' } })] } });
    world.settle();
    expect(JSON.stringify(world.gateways)).toContain('shop-tls-2');
    world.deploy({ triggers: { http: [trigger()] } });
    world.settle();
    expect(world.gateways).toEqual([]);
  });

  it('has none where certificates are not shown, nor as an Ingress, which names the certificate itself', () => {
    const plain = new WorldWithRoutes({ triggers: { http: [trigger({ tls: { secret: 'shop-tls-1' } })] } });
    plain.settle();
    expect([plain.gateways, plain.ways]).toEqual([[], 'orders: shop:100']);
    const ingress = new WorldWithRoutes({ triggers: { http: [trigger({ tls: { secret: 'shop-tls-1' } })] } }, { ...settingsOf('ingress'), tls: { gatewayClass: 'public', port: 8443 } });
    ingress.settle();
    expect([ingress.gateways, ingress.ways]).toEqual([[], 'orders: shop']);
  });

  it('is not written where the operator has no say', () => {
    const world = new SmallWorld({ revisions: [counted(1)], triggers: { http: [trigger()] } });
    expect(world.settle().filter((done) => /Route|Ingress|gateway/.test(done))).toEqual([]);
    expect(functionOf().spec.triggers).toBeUndefined();
  });
});
