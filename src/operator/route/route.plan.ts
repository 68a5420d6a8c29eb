import type { FunctionResource } from '../../contract/function-resource.js';
import { FUNCTION_PORT, LABEL, revisionServiceName, serviceName } from '../../contract/names.js';
import type { HttpTriggerSpec } from '../../contract/triggers.js';
import { needsApply } from '../../platform/kubernetes/drift.js';
import type { EndpointSlice, KubernetesObject, Service } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import { scaleOf, type Release } from '../rollout/release.plan.js';
import { shareOf } from '../rollout/traffic.policy.js';
import { buildGatewayService, buildGatewaySlice, gatewayShare } from './manifests/gateway-backend.js';
import { buildHttpRoute } from './manifests/http-route.js';
import { buildIngress } from './manifests/ingress.js';
import { directionOf, routeName, type BackendShare, type Direction } from './manifests/route-labels.js';
import { buildTlsGateway } from './manifests/tls-gateway.js';
import { backendOf } from './route.policy.js';
import type { RouteSettings } from './route-settings.js';

/** How long requests may still come by the way a route had before: longer than ways in need to take a change over. */
export const ROUTE_SETTLE_MS = 5_000;

/** What stands of a function's routes, and others' that stand under the same names. */
export interface ObservedRoutes {
  routes: readonly KubernetesObject[];
  /** Those that show tenants' certificates. */
  gateways: readonly KubernetesObject[];
  service: Service | undefined;
  slice: EndpointSlice | undefined;
}

/** Objects to write and to remove; in the shapes of the function's plan. */
export interface RoutePlan {
  applies: { type: ResourceType; manifest: KubernetesObject; observed: KubernetesObject | undefined }[];
  removals: { type: ResourceType; namespace: string; name: string; uid: string }[];
}

export interface RoutePlanInput {
  fn: FunctionResource;
  release: Release;
  ready: (revision: number) => number;
  observed: ObservedRoutes;
  settings: RouteSettings;
  now: number;
}

export function routeType({ kind }: Pick<RouteSettings, 'kind'>): ResourceType {
  return kind === 'gateway-api' ? RESOURCE.httpRoute : RESOURCE.ingress;
}

/** Unix time in ms until which requests may come to pods past the gateway: `Infinity` while a route leads there. */
export function straightUntil({ routes }: ObservedRoutes): number {
  return Math.max(0, ...routes.map((route) => {
    const direction = directionOf(route);
    if (direction?.to === 'pods') return Number.POSITIVE_INFINITY;
    return direction?.since === undefined ? 0 : Date.parse(direction.since) + ROUTE_SETTLE_MS;
  }));
}

/** Desired minus observed: one route a trigger, and the way from there to the gateways. Pure. */
export function planRoutes(input: RoutePlanInput): RoutePlan {
  const { fn, observed, settings } = input;
  const triggers = fn.spec.triggers?.http ?? [];
  const type = routeType(settings);
  const plans = [
    ...triggers.map((trigger) => {
      const present = observed.routes.find(({ metadata }) => metadata.name === routeName(fn, trigger));
      return { type, manifest: buildRoute(input, trigger, present), present };
    }),
    ...triggers.flatMap((trigger) => (settings.kind === 'gateway-api' && settings.tls && trigger.tls ? [{
      type: RESOURCE.gateway as ResourceType, manifest: buildTlsGateway({ fn, trigger }, settings.tls), present: observed.gateways.find(({ metadata }) => metadata.name === routeName(fn, trigger)),
    }] : [])),
    ...(triggers.length === 0 ? [] : [
      { type: RESOURCE.service as ResourceType, manifest: buildGatewayService(fn, settings), present: observed.service },
      { type: RESOURCE.endpointSlice as ResourceType, manifest: buildGatewaySlice(fn, settings), present: observed.slice },
    ]),
  ];
  const isMine = (object: KubernetesObject): boolean => object.metadata.labels?.[LABEL.functionId] === fn.spec.functionId;
  const wanted = new Set(plans.map(({ manifest, type: { kind } }) => `${kind} ${manifest.metadata.name}`));
  const standing = [
    ...observed.routes.map((object) => ({ type, object })),
    ...observed.gateways.map((object) => ({ type: RESOURCE.gateway as ResourceType, object })),
    ...(observed.service ? [{ type: RESOURCE.service as ResourceType, object: observed.service }] : []),
    ...(observed.slice ? [{ type: RESOURCE.endpointSlice as ResourceType, object: observed.slice }] : []),
  ].filter(({ object }) => object.metadata.deletionTimestamp === undefined);
  return {
    // On its way out, or an earlier function's: its deletion brings us here again.
    applies: plans.filter(({ manifest, present }) => (!present || (present.metadata.deletionTimestamp === undefined && isMine(present))) && needsApply(manifest, present))
      .map(({ type: of, manifest, present }) => ({ type: of, manifest, observed: present })),
    removals: standing.filter(({ type: of, object }) => !isMine(object) || !wanted.has(`${of.kind} ${object.metadata.name}`))
      .map(({ type: of, object: { metadata: { name, namespace = '', uid = '' } } }) => ({ type: of, namespace, name, uid })),
  };
}

function buildRoute(input: RoutePlanInput, trigger: HttpTriggerSpec, present: KubernetesObject | undefined): KubernetesObject {
  const { fn, release, ready, settings, now } = input;
  const before = directionOf(present);
  const to = backendOf({
    fn, kind: settings.kind, traffic: release.traffic, stays: release.scale.active && !release.scale.stopping, ready, needed: (revision) => scaleOf(release.scale, revision)?.needed ?? 1,
  }, trigger, before?.to);
  const moved: Direction = present ? { to, since: new Date(now).toISOString() } : { to };
  const direction = before?.to === to ? before : moved;
  const route = { fn, trigger, direction, backends: to === 'gateway' ? [gatewayShare(fn)] : podShares(fn, release) };
  return settings.kind === 'gateway-api' ? buildHttpRoute(route, settings) : buildIngress(route, settings);
}

/** The revision that has most is behind the function's main Service; the others have Services of their own. */
function podShares(fn: FunctionResource, { traffic, serving }: Release): BackendShare[] {
  const revisions = [...new Set(traffic.filter(({ percent }) => percent > 0).map(({ revision }) => revision))];
  return revisions.map((revision) => ({
    ...(revision === serving ? { service: serviceName(fn.metadata.name), port: 80 } : { service: revisionServiceName(fn.metadata.name, revision), port: FUNCTION_PORT }),
    weight: shareOf(traffic, revision),
  }));
}
