import type { FunctionResource } from '../../contract/function-resource.js';
import { LABEL } from '../../contract/names.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { EndpointSlice, KubernetesObject } from '../../platform/kubernetes/kubernetes-object.js';
import { byLabel } from '../../platform/kubernetes/object-store.js';
import { Reflector, type ReflectorOptions } from '../../platform/kubernetes/reflector.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import type { FunctionCaches } from '../function/function.caches.js';
import { gatewayBackendName } from './manifests/gateway-backend.js';
import { routeName } from './manifests/route-labels.js';
import { routeType, type ObservedRoutes } from './route.plan.js';
import type { RouteSettings } from './route-settings.js';

const BY_FUNCTION = 'function';

/** Functions' routes, and their ways to the gateways, as they stand. */
export class RouteCaches {
  readonly routes: Reflector<KubernetesObject>;
  /** Undefined where no certificates of tenants are shown. */
  readonly gateways: Reflector<KubernetesObject> | undefined;
  readonly slices: Reflector<EndpointSlice>;

  /** @param services of all functions, from a cache */
  constructor(
    client: KubernetesClient, settings: Pick<RouteSettings, 'kind' | 'tls'>, private readonly services: FunctionCaches['services'], options: Pick<ReflectorOptions<KubernetesObject>, 'namespace' | 'backoff'> = {},
  ) {
    const followed: ReflectorOptions<KubernetesObject> = { ...options, labelSelector: LABEL.functionId, indexers: { [BY_FUNCTION]: byLabel(LABEL.functionId) }, transform: withoutStatus };
    this.routes = new Reflector<KubernetesObject>(client, routeType(settings), followed);
    this.gateways = settings.kind === 'gateway-api' && settings.tls ? new Reflector<KubernetesObject>(client, RESOURCE.gateway, followed) : undefined;
    this.slices = new Reflector<EndpointSlice>(client, RESOURCE.endpointSlice, { ...options, labelSelector: `${LABEL.functionId},!${LABEL.function}` });
  }

  observe(fn: FunctionResource): ObservedRoutes {
    const { namespace, name } = fn.metadata;
    const gateway = { namespace, name: gatewayBackendName(name) };
    return { routes: ofFunction(this.routes, fn), gateways: this.gateways ? ofFunction(this.gateways, fn) : [], service: this.services.get(gateway), slice: this.slices.get(gateway) };
  }

  /** All that is to be filled. */
  get all(): readonly (Reflector<KubernetesObject> | Reflector<EndpointSlice>)[] {
    return [this.routes, this.slices, ...(this.gateways ? [this.gateways] : [])];
  }
}

/** Its own, and others' that stand under the names of its triggers. */
function ofFunction(cache: Reflector<KubernetesObject>, fn: FunctionResource): KubernetesObject[] {
  const { namespace } = fn.metadata;
  const own = cache.byIndex(BY_FUNCTION, fn.spec.functionId).filter(({ metadata }) => metadata.namespace === namespace);
  const strangers = (fn.spec.triggers?.http ?? []).flatMap((trigger) => cache.get({ namespace, name: routeName(fn, trigger) }) ?? [])
    .filter(({ metadata }) => metadata.labels?.[LABEL.functionId] !== fn.spec.functionId);
  return [...own, ...strangers];
}

/** The way in writes there what it made of the route; nobody here reads it. */
function withoutStatus(route: KubernetesObject): KubernetesObject {
  const { status: _, ...rest } = route as KubernetesObject & { status?: unknown };
  return rest;
}
