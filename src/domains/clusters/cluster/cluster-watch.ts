import { LABEL, MANAGED_BY, SYSTEM_NAMESPACE, tenantNamespace } from '../../../contract/names.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import { byLabel } from '../../../platform/kubernetes/object-store.js';
import { Reflector } from '../../../platform/kubernetes/reflector.js';
import { RESOURCE, type ResourceType } from '../../../platform/kubernetes/resource-type.js';
import { WorkQueue, type WorkOutcome } from '../../../platform/kubernetes/work-queue.js';
import { ACCESS_LIST_COMPONENT, PLACEMENT_COMPONENT } from '../manifests/placement-objects.js';
import { contentFingerprint } from './object-content.policy.js';
import { placementKey } from './placement.plan.js';

/** Every kind a placement is made of. */
const WATCHED: readonly ResourceType[] = [
  RESOURCE.namespace, RESOURCE.networkPolicy, RESOURCE.resourceQuota, RESOURCE.limitRange, RESOURCE.serviceAccount, RESOURCE.roleBinding, RESOURCE.secret,
];
const SELECTOR = `${LABEL.managedBy}=${MANAGED_BY},${LABEL.component} in (${PLACEMENT_COMPONENT},${ACCESS_LIST_COMPONENT})`;
const BY_TENANT = 'tenant';
/** A placement's objects come one after the other: a look shortly after the first of them sees them together. */
const SETTLE_MS = 400;
/** The row of an apply of our own follows its event by about this: only what stands out twice is somebody else's doing. */
const SECOND_LOOK_MS = 500;
/** While work is under way: shortest and longest pause between looks. */
const LOOK_AGAIN_FIRST_MS = 1_000;
const LOOK_AGAIN_LAST_MS = 60_000;
const SYNC_STEP_MS = 2_000;

/** What a look at a tenant's objects came to. */
export interface Verdict {
  /** Keys that differ from what was applied. */
  drifted: string[];
  /** Something is being put in place or put right: look again later. */
  underWay: boolean;
}

/** @param suspected what differed at the look before. */
export type Look = (tenantId: string, observed: ReadonlyMap<string, string>, suspected: readonly string[]) => Promise<Verdict>;

/** All that is kept of an object: a cluster has many. */
interface Seen extends KubernetesObject {
  fingerprint: string;
}

/** The watches of one cluster, and the tenants on it that are to be looked at. */
export class ClusterWatch {
  private readonly reflectors: { type: ResourceType; reflector: Reflector<Seen> }[];
  private readonly queue: WorkQueue;
  private readonly suspected = new Map<string, { keys: string[]; since: number }>();
  private readonly underWaySince = new Map<string, number>();
  private stopped = false;

  constructor(client: KubernetesClient, private readonly look: Look) {
    this.queue = new WorkQueue({ name: `placement-${client.cluster}`, concurrency: 4, group: (tenantId) => tenantId, handle: (tenantId) => this.handle(tenantId) });
    this.reflectors = WATCHED.map((type) => ({ type, reflector: this.reflect(client, type) }));
  }

  /** Resolves once everything has been listed and all tenants are queued: only a full picture can tell that something is missing. */
  async start(eachTenant: (visit: (tenantId: string) => void) => Promise<void>): Promise<void> {
    for (const { reflector } of this.reflectors) reflector.start();
    while (!this.stopped && !this.isSynced) {
      await Promise.all(this.reflectors.map(({ reflector }) => reflector.synced(SYNC_STEP_MS))).catch(() => undefined);
    }
    if (this.stopped) return;
    this.queue.resume();
    await eachTenant((tenantId) => this.queue.add(tenantId));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.reflectors.map(({ reflector }) => reflector.stop()));
    await this.queue.drain();
  }

  get isSynced(): boolean {
    return this.reflectors.every(({ reflector }) => reflector.isSynced);
  }

  private reflect(client: KubernetesClient, type: ResourceType): Reflector<Seen> {
    const reflector = new Reflector<Seen>(client, type, { labelSelector: SELECTOR, indexers: { [BY_TENANT]: byLabel(LABEL.tenant) }, transform: (object) => slim(type, object) });
    reflector.addHandlers({
      onAdd: (object) => this.changed(object),
      onUpdate: (object, before) => {
        if (object.fingerprint === before.fingerprint) return;
        this.changed(object);
        // The tenant it was taken away from.
        if (tenantOf(object) !== tenantOf(before)) this.changed(before);
      },
      onDelete: (object) => this.changed(object),
    });
    return reflector;
  }

  private changed(object: Seen): void {
    const tenantId = tenantOf(object);
    if (tenantId !== undefined) this.queue.addAfter(tenantId, SETTLE_MS);
  }

  private async handle(tenantId: string): Promise<WorkOutcome | void> {
    const before = this.suspected.get(tenantId);
    const waited = before ? performance.now() - before.since : 0;
    const { drifted, underWay } = await this.look(tenantId, this.observed(tenantId), before && waited >= SECOND_LOOK_MS ? before.keys : []);
    if (drifted.length === 0) this.suspected.delete(tenantId);
    else if (!before || waited >= SECOND_LOOK_MS) this.suspected.set(tenantId, { keys: drifted, since: performance.now() });
    if (underWay) return { againAfterMs: this.nextLook(tenantId) };
    this.underWaySince.delete(tenantId);
    return drifted.length > 0 ? { againAfterMs: SECOND_LOOK_MS + 10 } : undefined;
  }

  /** The longer it takes already, the less often: work that cannot go on must not be asked about every second. */
  private nextLook(tenantId: string): number {
    const now = performance.now();
    const since = this.underWaySince.get(tenantId) ?? now;
    this.underWaySince.set(tenantId, since);
    return Math.min(LOOK_AGAIN_LAST_MS, Math.max(LOOK_AGAIN_FIRST_MS, now - since));
  }

  /** Fingerprints of the tenant's objects by key; what bears its label somewhere else is not of its placement. */
  private observed(tenantId: string): Map<string, string> {
    const observed = new Map<string, string>();
    for (const { type, reflector } of this.reflectors) {
      for (const object of reflector.byIndex(BY_TENANT, tenantId)) {
        const { namespace, name } = object.metadata;
        const place = type.namespaced ? namespace : name;
        if (place === tenantNamespace(tenantId) || place === SYSTEM_NAMESPACE) observed.set(placementKey(type, object), object.fingerprint);
      }
    }
    return observed;
  }
}

function tenantOf(object: KubernetesObject): string | undefined {
  return object.metadata.labels?.[LABEL.tenant];
}

function slim(type: ResourceType, object: Seen): Seen {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  const tenant = tenantOf(object);
  return {
    metadata: { name, ...(namespace ? { namespace } : {}), uid, resourceVersion, ...(tenant === undefined ? {} : { labels: { [LABEL.tenant]: tenant } }) },
    fingerprint: contentFingerprint(type, object),
  };
}
