import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { LABEL, MANAGED_BY, tenantNamespace } from '../../../contract/names.js';
import type { WarmPoolResource } from '../../../contract/pool-resource.js';
import { systemContext } from '../../../platform/context/context.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { objectKey } from '../../../platform/kubernetes/kubernetes-object.js';
import { Reflector } from '../../../platform/kubernetes/reflector.js';
import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';
import { WorkQueue } from '../../../platform/kubernetes/work-queue.js';
import { PoolStatusesRepository } from '../store/pool-statuses.repository.js';

const CONCURRENCY = 2;
const DRAIN_MS = 5_000;
/** Key of the look at what went while nobody watched. */
const ALL = '/';

interface Watched {
  reflector: Reflector<WarmPoolResource>;
  queue: WorkQueue;
}

/** Takes what clusters say of warm pools over into Postgres. Any number of processes may watch the same cluster. */
@Injectable()
export class WarmPoolWatch implements OnModuleDestroy {
  private readonly context = systemContext('pool-watch');
  private readonly clusters = new Map<string, Watched>();
  /** Deleted objects whose row is still there. */
  private readonly gone = new Map<string, WarmPoolResource>();

  constructor(private readonly statuses: PoolStatusesRepository) {}

  /** Begins to watch a cluster, once; returns at once. */
  start(clusterId: string, clusterName: string, client: KubernetesClient): void {
    if (this.clusters.has(clusterId)) return;
    const reflector = new Reflector<WarmPoolResource>(client, RESOURCE.warmPool, { labelSelector: `${LABEL.managedBy}=${MANAGED_BY}` });
    const queue = new WorkQueue({ name: `pool-status-${clusterName}`, concurrency: CONCURRENCY, handle: (key) => this.take(clusterId, reflector, key) });
    this.clusters.set(clusterId, { reflector, queue });
    reflector.addHandlers({
      onAdd: (pool) => queue.add(objectKey(pool)),
      onUpdate: (pool) => queue.add(objectKey(pool)),
      onDelete: (pool) => {
        this.gone.set(`${clusterId}/${objectKey(pool)}`, pool);
        queue.add(objectKey(pool));
      },
    });
    queue.resume();
    queue.add(ALL);
    reflector.start();
  }

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

  private async take(clusterId: string, reflector: Reflector<WarmPoolResource>, key: string): Promise<void> {
    if (key === ALL) return this.retain(clusterId, reflector);
    const gone = this.gone.get(`${clusterId}/${key}`);
    if (gone) await this.statuses.remove(this.context, clusterId, gone.spec.tenantId, gone.metadata.uid ?? '');
    if (gone && this.gone.get(`${clusterId}/${key}`) === gone) this.gone.delete(`${clusterId}/${key}`);
    const pool = reflector.get(key);
    if (!pool?.status || !isOurs(pool)) return;
    const { uid = '', resourceVersion = '0' } = pool.metadata;
    await this.statuses.write(this.context, clusterId, { tenantId: pool.spec.tenantId, uid, version: resourceVersion, status: pool.status });
  }

  /** Tried again while the cluster does not answer: only a full picture tells what is missing. */
  private async retain(clusterId: string, reflector: Reflector<WarmPoolResource>): Promise<void> {
    await reflector.synced();
    await this.statuses.retain(this.context, clusterId, reflector.list().map(({ metadata }) => metadata.uid ?? ''));
  }
}

/** Whether it stands where the platform would put it. */
function isOurs({ metadata, spec }: WarmPoolResource): boolean {
  return metadata.namespace === tenantNamespace(spec.tenantId);
}
