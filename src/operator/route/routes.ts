import type { FunctionResource } from '../../contract/function-resource.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { objectKey, type EndpointSlice, type KubernetesObject } from '../../platform/kubernetes/kubernetes-object.js';
import type { Reflector } from '../../platform/kubernetes/reflector.js';
import { RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import type { FunctionCaches } from '../function/function.caches.js';
import { RouteCaches } from './route.caches.js';
import { routeType, type ObservedRoutes } from './route.plan.js';
import type { RouteSettings } from './route-settings.js';

export interface RoutesOptions {
  client: KubernetesClient;
  settings: RouteSettings;
  caches: FunctionCaches;
  /** Look at one namespace alone: for tests. */
  namespace?: string | undefined;
  enqueue: (key: string) => void;
}

/** What the plan of a function is told of routes. */
export interface RouteSignals {
  settings: RouteSettings;
  observed: ObservedRoutes;
}

/** The operator's part that writes functions' hosts and paths for the cluster's own way in: an `HTTPRoute` or `Ingress` a trigger. */
export class Routes {
  private readonly type: ResourceType;
  private readonly cached: RouteCaches;
  private readonly detach: (() => void)[] = [];

  constructor(private readonly options: RoutesOptions) {
    const { client, settings, caches, namespace } = options;
    this.type = routeType(settings);
    this.cached = new RouteCaches(client, settings, caches.services, namespace ? { namespace } : {});
  }

  /** Begins to fill the caches. */
  start(): void {
    for (const cache of this.cached.all) cache.start();
  }

  async synced(deadlineMs: number): Promise<void> {
    await Promise.all(this.cached.all.map((cache) => cache.synced(deadlineMs)));
  }

  get isSynced(): boolean {
    return this.cached.all.every(({ isSynced }) => isSynced);
  }

  /** From now on changes bring their Functions into the queue. */
  attach(): void {
    this.follow(this.cached.routes);
    this.follow(this.cached.slices);
    if (this.cached.gateways) this.follow(this.cached.gateways);
  }

  async stop(): Promise<void> {
    for (const detach of this.detach.splice(0)) detach();
    await Promise.all(this.cached.all.map((cache) => cache.stop()));
  }

  signalsFor(fn: FunctionResource): RouteSignals {
    return { settings: this.options.settings, observed: this.cached.observe(fn) };
  }

  /** Takes the answer of an own write into the cache. */
  adopt(type: ResourceType, written: KubernetesObject): void {
    if (type === this.type) this.cached.routes.adopt(written);
    else if (type === RESOURCE.gateway) this.cached.gateways?.adopt(written);
    else if (type === RESOURCE.endpointSlice) this.cached.slices.adopt(written as EndpointSlice);
  }

  private follow<T extends KubernetesObject>(reflector: Reflector<T>): void {
    const changed = (object: T): void => {
      const name = object.metadata.ownerReferences?.find(({ kind }) => kind === 'Function')?.name;
      const key = name === undefined ? undefined : objectKey({ name, ...(object.metadata.namespace ? { namespace: object.metadata.namespace } : {}) });
      if (key !== undefined && this.options.caches.functions.get(key)) this.options.enqueue(key);
    };
    this.detach.push(reflector.addHandlers({
      onAdd: changed,
      onUpdate: (object, before) => {
        changed(object);
        // Somebody took the owner away: the one it belonged to must repair it.
        if (JSON.stringify(before.metadata.ownerReferences) !== JSON.stringify(object.metadata.ownerReferences)) changed(before);
      },
      onDelete: changed,
    }));
  }
}
