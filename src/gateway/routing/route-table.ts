import type { AccessList } from '../../contract/access-list.js';
import type { FunctionResource } from '../../contract/function-resource.js';
import { tenantNamespace } from '../../contract/names.js';
import type { AccessDirectory } from '../auth/access-directory.js';
import type { GatewayMetrics } from '../counters/gateway-metrics.js';
import { endpointsOf, mergeEndpoints, ownerOfSlice, type Endpoint, type EndpointSlice } from './endpoint-slice.policy.js';
import { FunctionRoute, type UpstreamFactory } from './function-route.js';
import type { Lane } from './lane.js';
import { splitTag } from './traffic.policy.js';
import { TriggerTable } from './trigger-table.js';

/** Where news of the cluster goes. Every call is about one object and costs no more than that object. */
export interface RouteSink {
  upsertFunction(resource: FunctionResource): void;
  removeFunction(namespace: string, name: string): void;
  upsertSlice(slice: EndpointSlice): void;
  removeSlice(slice: EndpointSlice): void;
  upsertAccess(list: AccessList): void;
  removeAccess(tenantId: string): void;
}

/** Feeds a {@link RouteSink} from somewhere: the cluster's watches, or a fixed list in tests and benchmarks. */
export interface RouteSource {
  /** Resolves once everything that exists has been delivered. */
  start(sink: RouteSink): Promise<void>;
  stop(): Promise<void>;
  /** Whether all that existed at the start has been delivered. Stays true through later outages: what was known stays known. */
  readonly synced: boolean;
}

/**
 * All functions of a cluster by address. Holds the last known state: nothing in it expires, so that routes outlive any
 * outage of the control plane and of the API server.
 */
export class RouteTable implements RouteSink {
  readonly triggers: TriggerTable;
  private readonly byAddress = new Map<string, FunctionRoute>();
  /** By `<namespace>/<name>`. */
  private readonly byResource = new Map<string, FunctionRoute>();
  /** Routes whose address another one has: a deleted tenant's, while a new tenant already bears its name. */
  private readonly shadowed = new Map<string, FunctionRoute[]>();
  /** Endpoints of each function's slices, by `<namespace>/<function>` and the slice's name. */
  private readonly slices = new Map<string, Map<string, Endpoint[]>>();

  constructor(
    private readonly directory: AccessDirectory,
    private readonly upstreams: UpstreamFactory,
    private readonly metrics: GatewayMetrics,
  ) {
    this.triggers = new TriggerTable(directory.gateways);
  }

  /** @param key `<tenant>/<function>` */
  find(key: string): FunctionRoute | undefined {
    return this.byAddress.get(key);
  }

  /**
   * For an address that is no function's own: a tag's of one. Undefined for a tag that the function does not have.
   * @param key `<tenant>/<tag>---<function>`
   */
  findTagged(key: string): { route: FunctionRoute; lane: Lane } | undefined {
    const at = key.indexOf('/') + 1;
    const parts = splitTag(key.slice(at));
    const route = parts && this.byAddress.get(key.slice(0, at) + parts.name);
    const lane = route?.lane(parts!.tag);
    return route && lane && { route, lane };
  }

  get size(): number {
    return this.byResource.size;
  }

  routes(): Iterable<FunctionRoute> {
    return this.byResource.values();
  }

  /** After the way to reach pods has become known. */
  rebuildAll(): void {
    for (const route of this.byResource.values()) route.rebuild();
  }

  upsertFunction(resource: FunctionResource): void {
    const { namespace, name, deletionTimestamp } = resource.metadata;
    // The tenant's id decides, not what the resource says of its tenant: it must stand in that tenant's own namespace.
    if (deletionTimestamp !== undefined || namespace !== tenantNamespace(resource.spec.tenantId)) return this.removeFunction(namespace, name);
    const id = `${namespace}/${name}`;
    let route = this.byResource.get(id);
    const load = route?.functionId === resource.spec.functionId ? route.load : undefined;
    if (route && (route.functionId !== resource.spec.functionId || route.key !== `${resource.spec.tenant}/${name}`)) {
      this.removeFunction(namespace, name);
      route = undefined;
    }
    if (route) {
      this.triggers.set(route, resource.spec.triggers?.http);
      return route.update(resource);
    }
    route = new FunctionRoute(resource, this.directory.tenant(resource.spec.tenantId), this.upstreams, load);
    this.byResource.set(id, route);
    this.metrics.add(route.counters);
    route.update(resource);
    route.setEndpoints(this.endpointsOf(id));
    this.place(route);
    this.triggers.set(route, resource.spec.triggers?.http);
  }

  removeFunction(namespace: string, name: string): void {
    const id = `${namespace}/${name}`;
    const route = this.byResource.get(id);
    if (!route) return;
    this.byResource.delete(id);
    this.withdraw(route);
    this.triggers.delete(route);
    this.metrics.remove(route.counters);
    route.retire();
  }

  upsertSlice(slice: EndpointSlice): void {
    const owner = ownerOfSlice(slice)?.function;
    if (owner === undefined) return;
    let slices = this.slices.get(owner);
    if (!slices) this.slices.set(owner, slices = new Map());
    slices.set(slice.metadata.name, endpointsOf(slice));
    this.byResource.get(owner)?.setEndpoints(this.endpointsOf(owner));
  }

  removeSlice(slice: EndpointSlice): void {
    const owner = ownerOfSlice(slice)?.function;
    const slices = owner === undefined ? undefined : this.slices.get(owner);
    if (owner === undefined || !slices?.delete(slice.metadata.name)) return;
    if (slices.size === 0) this.slices.delete(owner);
    this.byResource.get(owner)?.setEndpoints(this.endpointsOf(owner));
  }

  upsertAccess(list: AccessList): void {
    this.directory.upsert(list);
  }

  removeAccess(tenantId: string): void {
    this.directory.remove(tenantId);
  }

  private endpointsOf(owner: string): Endpoint[] {
    return mergeEndpoints(this.slices.get(owner)?.values() ?? []);
  }

  private place(route: FunctionRoute): void {
    const present = this.byAddress.get(route.key);
    if (!present) {
      this.byAddress.set(route.key, route);
      return;
    }
    const [winner, loser] = route.createdAt >= present.createdAt ? [route, present] : [present, route];
    this.byAddress.set(route.key, winner);
    this.shadowed.set(route.key, [...(this.shadowed.get(route.key) ?? []), loser]);
  }

  private withdraw(route: FunctionRoute): void {
    const others = (this.shadowed.get(route.key) ?? []).filter((other) => other !== route);
    this.shadowed.delete(route.key);
    if (this.byAddress.get(route.key) !== route) {
      if (others.length > 0) this.shadowed.set(route.key, others);
      return;
    }
    this.byAddress.delete(route.key);
    for (const other of others) this.place(other);
  }
}
