import type { FunctionResource } from '../../contract/function-resource.js';
import { LABEL } from '../../contract/names.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { EndpointSlice, KubernetesObject } from '../../platform/kubernetes/kubernetes-object.js';
import { byLabel } from '../../platform/kubernetes/object-store.js';
import { Reflector, type ReflectorOptions } from '../../platform/kubernetes/reflector.js';
import { RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import type { FunctionCaches } from '../function/function.caches.js';
import { gatewayBackendName } from './manifests/gateway-backend.js';
import { routeName } from './manifests/route-labels.js';
import type { ObservedRoutes } from './route.plan.js';

const BY_FUNCTION = 'function';

/** Functions' routes, and their ways to the gateways, as they stand. */
export class RouteCaches {
  readonly routes: Reflector<KubernetesObject>;
  readonly slices: Reflector<EndpointSlice>;

  /** @param services of all functions, from a cache */
  constructor(client: KubernetesClient, type: ResourceType, private readonly services: FunctionCaches['services'], options: Pick<ReflectorOptions<KubernetesObject>, 'namespace' | 'backoff'> = {}) {
    this.routes = new Reflector<KubernetesObject>(client, type, { ...options, labelSelector: LABEL.functionId, indexers: { [BY_FUNCTION]: byLabel(LABEL.functionId) }, transform: withoutStatus });
    this.slices = new Reflector<EndpointSlice>(client, RESOURCE.endpointSlice, { ...options, labelSelector: `${LABEL.functionId},!${LABEL.function}` });
  }

  observe(fn: FunctionResource): ObservedRoutes {
    const { namespace, name } = fn.metadata;
    const gateway = { namespace, name: gatewayBackendName(name) };
    const own = this.routes.byIndex(BY_FUNCTION, fn.spec.functionId).filter(({ metadata }) => metadata.namespace === namespace);
    const strangers = (fn.spec.triggers?.http ?? []).flatMap((trigger) => this.routes.get({ namespace, name: routeName(fn, trigger) }) ?? [])
      .filter(({ metadata }) => metadata.labels?.[LABEL.functionId] !== fn.spec.functionId);
    return { routes: [...own, ...strangers], service: this.services.get(gateway), slice: this.slices.get(gateway) };
  }
}

/** The way in writes there what it made of the route; nobody here reads it. */
function withoutStatus(route: KubernetesObject): KubernetesObject {
  const { status: _, ...rest } = route as KubernetesObject & { status?: unknown };
  return rest;
}
