import type { FunctionResource } from '../../contract/function-resource.js';
import { LABEL, SYSTEM_NAMESPACE } from '../../contract/names.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { EndpointSlice, Secret } from '../../platform/kubernetes/kubernetes-object.js';
import { Reflector } from '../../platform/kubernetes/reflector.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { partLogger } from '../../platform/observability/logger.js';
import { readAccessList } from '../auth/access-list.policy.js';
import type { RouteSink, RouteSource } from './route-table.js';

/** Value of {@link LABEL.component} on access-list Secrets. */
const ACCESS_LIST_COMPONENT = 'access-list';
const ACCESS_LIST_PREFIX = 'access-';

/** Drops what the gateway does not read: a cluster may have tens of thousands of pods. */
function slimSlice({ metadata, endpoints, ports }: EndpointSlice): EndpointSlice {
  const { name, namespace, uid, resourceVersion, labels } = metadata;
  return {
    metadata: { name, namespace, uid, resourceVersion, labels },
    endpoints: (endpoints ?? []).map(({ addresses, conditions, targetRef }) => ({
      addresses, conditions: { ready: conditions?.ready, terminating: conditions?.terminating }, targetRef: targetRef && { name: targetRef.name, uid: targetRef.uid },
    })),
    ports: (ports ?? []).map(({ name: portName, port }) => ({ name: portName, port })),
  } as EndpointSlice;
}

/**
 * Feeds the route table from watches of a cluster. While the API server is away the reflectors keep trying and the table
 * keeps what it knew.
 */
export class ClusterRouteSource implements RouteSource {
  private readonly log = partLogger('gateway');
  private readonly functions: Reflector<FunctionResource>;
  private readonly slices: Reflector<EndpointSlice>;
  private readonly secrets: Reflector<Secret>;

  constructor(client: KubernetesClient) {
    this.functions = new Reflector<FunctionResource>(client, RESOURCE.function);
    this.slices = new Reflector<EndpointSlice>(client, RESOURCE.endpointSlice, { labelSelector: LABEL.function, transform: slimSlice });
    this.secrets = new Reflector<Secret>(client, RESOURCE.secret, { namespace: SYSTEM_NAMESPACE, labelSelector: `${LABEL.component}=${ACCESS_LIST_COMPONENT}` });
  }

  get synced(): boolean {
    return this.functions.isSynced && this.slices.isSynced && this.secrets.isSynced;
  }

  /** Does not wait for a deadline: a gateway that starts during an outage becomes ready when the API server is back. */
  async start(sink: RouteSink): Promise<void> {
    const functionSeen = (resource: FunctionResource): void => sink.upsertFunction(resource);
    this.functions.addHandlers({ onAdd: functionSeen, onUpdate: functionSeen, onDelete: ({ metadata }) => sink.removeFunction(metadata.namespace, metadata.name) });
    const sliceSeen = (slice: EndpointSlice): void => sink.upsertSlice(slice);
    this.slices.addHandlers({ onAdd: sliceSeen, onUpdate: sliceSeen, onDelete: (slice) => sink.removeSlice(slice) });
    const secretSeen = (secret: Secret): void => this.takeSecret(sink, secret);
    this.secrets.addHandlers({ onAdd: secretSeen, onUpdate: secretSeen, onDelete: (secret) => this.dropSecret(sink, secret) });
    const all = [this.functions, this.slices, this.secrets];
    for (const reflector of all) reflector.start();
    await Promise.all(all.map((reflector) => reflector.synced(MAX_TIMER_MS)));
  }

  async stop(): Promise<void> {
    await Promise.all([this.functions.stop(), this.slices.stop(), this.secrets.stop()]);
  }

  private takeSecret(sink: RouteSink, secret: Secret): void {
    const list = readAccessList(secret);
    if (list) return sink.upsertAccess(list);
    this.log.error({ secret: secret.metadata.name }, 'an access list cannot be read; nobody is let in on it');
    this.dropSecret(sink, secret);
  }

  private dropSecret(sink: RouteSink, secret: Secret): void {
    if (secret.metadata.name.startsWith(ACCESS_LIST_PREFIX)) sink.removeAccess(secret.metadata.name.slice(ACCESS_LIST_PREFIX.length));
  }
}

/** The longest delay a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;
