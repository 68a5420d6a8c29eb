import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Condition, FunctionResource } from '../../../contract/function-resource.js';
import { LABEL, MANAGED_BY, tenantNamespace } from '../../../contract/names.js';
import { tenantJobContext, type TenantContext } from '../../../platform/context/context.js';
import { BoundedCache } from '../../../platform/caching/bounded-cache.js';
import { backoffMs } from '../../../platform/kubernetes/backoff.js';
import { findCondition } from '../../../platform/kubernetes/conditions.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { objectKey, type ObjectRef } from '../../../platform/kubernetes/kubernetes-object.js';
import { Reflector } from '../../../platform/kubernetes/reflector.js';
import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';
import { WorkQueue } from '../../../platform/kubernetes/work-queue.js';
import { PlacementsService, placesOf, toPlacedTenant } from '../../clusters/placements.service.js';
import { UUID } from '../function-rules.policy.js';
import { FunctionChanges } from '../function-changes.js';
import { FunctionProgress } from '../function-progress.js';
import { revisionsBeside } from '../rollout.policy.js';
import { isAsApplied } from '../manifests/function.js';
import { FunctionsRepository } from '../store/functions.repository.js';
import { basisOf, mergePlaced } from './placed-status.policy.js';

const CONCURRENCY = 4;
const REMEMBERED = 50_000;
const REMEMBERED_MS = 600_000;
/** Repairs of one object that somebody keeps changing back. */
const REPAIR_BACKOFF = { baseMs: 100, maxMs: 60_000 };
const DRAIN_MS = 5_000;

interface WatchedCluster {
  reflector: Reflector<FunctionResource>;
  queue: WorkQueue;
}

interface Owner {
  tenantId: string;
  functionId: string;
}

/**
 * Hears of every `Function` on the clusters: takes their status over into Postgres, ends operations, and asks for the job
 * where an object is not as it was applied. Its caches tell the reconciler what is there.
 */
@Injectable()
export class FunctionWatch implements OnModuleDestroy {
  private readonly clusters = new Map<string, WatchedCluster>();
  /** Versions that were dealt with, by cluster and key: a relist brings nothing new. */
  private readonly seen = new BoundedCache<string, string>(REMEMBERED, REMEMBERED_MS);
  private readonly repairs = new BoundedCache<string, number>(REMEMBERED, REMEMBERED_MS);
  /** Objects whose operator was seen at work: once it is done, what the state before stood on may go. */
  private readonly unsettled = new Set<string>();
  /** Deleted objects whose job has not been asked for yet. */
  private readonly gone = new Map<string, FunctionResource>();

  constructor(
    private readonly progress: FunctionProgress,
    private readonly changes: FunctionChanges,
    private readonly placements: PlacementsService,
    private readonly functions: FunctionsRepository,
  ) {}

  /** Begins to watch a cluster, once; returns at once. The `Function` CRD should be there already. */
  start(clusterId: string, clusterName: string, client: KubernetesClient): void {
    if (this.clusters.has(clusterId)) return;
    const reflector = new Reflector<FunctionResource>(client, RESOURCE.function, { labelSelector: `${LABEL.managedBy}=${MANAGED_BY}` });
    const queue = new WorkQueue({ name: `function-status-${clusterName}`, concurrency: CONCURRENCY, groupConcurrency: 2, handle: (key) => this.take(clusterId, reflector, key) });
    this.clusters.set(clusterId, { reflector, queue });
    reflector.addHandlers({
      onAdd: (fn) => queue.add(objectKey(fn)),
      onUpdate: (fn) => queue.add(objectKey(fn)),
      onDelete: (fn) => {
        this.gone.set(`${clusterId}/${objectKey(fn)}`, fn);
        queue.add(objectKey(fn));
      },
    });
    queue.resume();
    reflector.start();
  }

  /** Ends all watches. */
  async stop(): Promise<void> {
    await Promise.all([...this.clusters.keys()].map((clusterId) => this.end(clusterId)));
  }

  /** Ends the watch of one cluster. */
  async end(clusterId: string): Promise<void> {
    const watched = this.clusters.get(clusterId);
    this.clusters.delete(clusterId);
    await watched?.reflector.stop();
    await watched?.queue.drain(DRAIN_MS);
  }

  onModuleDestroy(): Promise<void> {
    return this.stop();
  }

  /** Whether functions may be on more than one of the clusters that are watched. */
  get isOneOfMany(): boolean {
    return this.clusters.size > 1;
  }

  /** Whether no watched cluster has the object, though all of them are known. */
  isNowhere(ref: ObjectRef): boolean {
    const watched = [...this.clusters.values()];
    return watched.length > 0 && watched.every(({ reflector }) => reflector.isSynced && reflector.get(ref) === undefined);
  }

  /** Whether the cache of a cluster holds everything; then a missing object does not exist. */
  isSynced(clusterId: string): boolean {
    return this.clusters.get(clusterId)?.reflector.isSynced ?? false;
  }

  /** Resolves once a cluster's functions are known; rejects after `deadlineMs`. */
  async synced(clusterId: string, deadlineMs?: number): Promise<void> {
    await this.clusters.get(clusterId)?.reflector.synced(deadlineMs);
  }

  /** The object as it was last heard of, or undefined. */
  observed(clusterId: string, ref: ObjectRef): FunctionResource | undefined {
    return this.clusters.get(clusterId)?.reflector.get(ref);
  }

  /** The state of a function over all clusters it is to be on, as one; that of `resource` where there is but one cluster. */
  async overall(context: TenantContext, resource: FunctionResource): Promise<FunctionResource> {
    if (this.clusters.size === 1) return resource;
    const own = await this.functions.findOwnPlaces(context, resource.spec.functionId);
    const basis = basisOf(placesOf(await this.placements.withClusters(context), own).map(toPlacedTenant)).filter(({ clusterId }) => this.isSynced(clusterId));
    const ref = { namespace: resource.metadata.namespace!, name: resource.metadata.name };
    return mergePlaced(resource, basis.map(({ clusterId, clusterName }) => ({ clusterName, resource: this.observed(clusterId, ref) })));
  }

  /** The answer of an own write, before the watch brings it. */
  adopt(clusterId: string, applied: FunctionResource): void {
    this.clusters.get(clusterId)?.reflector.adopt(applied);
  }

  private async take(clusterId: string, reflector: Reflector<FunctionResource>, key: string): Promise<void> {
    const remembered = `${clusterId}/${key}`;
    await this.askForGone(remembered);
    const resource = reflector.get(key);
    const owner = resource && ownerOf(resource);
    if (!owner) return;
    const version = `${resource.metadata.uid}/${resource.metadata.resourceVersion}`;
    if (this.seen.get(remembered) === version) return;
    const context = tenantJobContext('function-watch', { id: owner.tenantId, name: resource.spec.tenant });
    const before = await this.progress.observed(context, owner.functionId, await this.overall(context, resource));
    if (before?.state === 'active') await this.follow(remembered, resource, before.conditions);
    // Only now: what failed on the way is tried again.
    this.seen.set(remembered, version);
  }

  /** Asks for the job where something is to be repaired, or may be taken away. */
  private async follow(remembered: string, resource: FunctionResource, before: readonly Condition[]): Promise<void> {
    if (!isAsApplied(resource)) return this.repair(remembered, resource);
    this.repairs.delete(remembered);
    const settled = isSettled(resource);
    const movedOn = hasSuperseded(resource);
    const misses = reasonOf(resource.status?.conditions) === 'ConfigurationMissing' && reasonOf(before) !== 'ConfigurationMissing';
    if ((settled && this.unsettled.has(remembered)) || movedOn || misses) await this.ask(resource, 0);
    if (settled) this.unsettled.delete(remembered);
    else this.unsettled.add(remembered);
  }

  /** The job finds out whether it ought to be there. */
  private async askForGone(remembered: string): Promise<void> {
    const gone = this.gone.get(remembered);
    if (!gone) return;
    await this.ask(gone, 0);
    this.gone.delete(remembered);
    this.unsettled.delete(remembered);
  }

  private async repair(remembered: string, resource: FunctionResource): Promise<void> {
    const times = (this.repairs.get(remembered) ?? 0) + 1;
    this.repairs.set(remembered, times);
    await this.ask(resource, times === 1 ? 0 : backoffMs(times - 1, REPAIR_BACKOFF));
  }

  private async ask(resource: FunctionResource, delayMs: number): Promise<void> {
    const owner = ownerOf(resource);
    if (!owner) return;
    await this.changes.enqueue(tenantJobContext('function-watch', { id: owner.tenantId, name: resource.spec.tenant }), owner.functionId, delayMs);
  }
}

/** Whose it is, by the fields that cannot be changed; undefined for what stands where the platform would not put it. */
function ownerOf({ metadata, spec }: FunctionResource): Owner | undefined {
  const { tenantId, functionId } = spec;
  return UUID.test(tenantId) && UUID.test(functionId) && metadata.namespace === tenantNamespace(tenantId) ? { tenantId, functionId } : undefined;
}

function reasonOf(conditions: readonly Condition[] | undefined): string | undefined {
  return findCondition(conditions, 'Ready')?.reason;
}

/** The target has all that it shall have, and revisions are still there that nothing needs any more. */
export function hasSuperseded({ spec, status = {} }: FunctionResource): boolean {
  if (status.servingRevision === undefined) return false;
  const { target, traffic = [] } = spec;
  const needed = revisionsBeside({ targetRevision: target, servingRevision: null, traffic }, status);
  return spec.revisions.some(({ number }) => number !== target && !needed.includes(number));
}

/** The operator has acted upon the present spec, and it is ready. */
export function isSettled({ metadata, status }: FunctionResource): boolean {
  return status?.observedGeneration === metadata.generation && findCondition(status?.conditions, 'Ready')?.status === 'True';
}
