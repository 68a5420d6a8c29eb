import { Injectable } from '@nestjs/common';
import { systemContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { JobQueue } from '../../../platform/jobs/job-queue.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';
import { partLogger } from '../../../platform/observability/logger.js';
import { TENANT_JOB } from '../../tenants/tenants.service.js';
import { PLACEMENT_JOB } from '../placement-job.js';
import { STANDING } from '../placement-states.js';
import type { PlacementEntity } from '../store/placement.entity.js';
import { PlacementsRepository } from '../store/placements.repository.js';
import { ClusterWatch, type Verdict } from './cluster-watch.js';
import { driftedKeys } from './placement.plan.js';

const PAGE = 500;

/**
 * Notices within a second or two when objects of a placement are changed or deleted by others, on any of the kinds it is made
 * of, and has the tenant's job put them right. Any number of processes may watch the same cluster.
 */
@Injectable()
export class PlacementWatch {
  private readonly log = partLogger('placement-watch');
  private readonly context = systemContext('placement-watch');
  private readonly running = new Map<string, ClusterWatch>();

  constructor(
    private readonly database: Database,
    private readonly rows: PlacementsRepository,
    private readonly jobs: JobQueue,
  ) {}

  /** Watches the cluster until {@link stop}. Returns at once, also when the cluster does not answer. */
  start(clusterId: string, client: KubernetesClient): void {
    if (this.running.has(clusterId)) return;
    const watch = new ClusterWatch(client, (tenantId, observed, suspected) => this.look(clusterId, tenantId, observed, suspected));
    this.running.set(clusterId, watch);
    watch.start((visit) => this.eachTenant(clusterId, visit)).catch((error: unknown) => this.log.warn({ err: error, cluster: client.cluster }, 'tenants could not be compared with the cluster at the start; changes are watched all the same'));
  }

  /** Ends the watch of one cluster. */
  async end(clusterId: string): Promise<void> {
    const watch = this.running.get(clusterId);
    this.running.delete(clusterId);
    await watch?.stop();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.running.values()].map((watch) => watch.stop()));
    this.running.clear();
  }

  /** Whether every kind has been listed on every cluster. */
  get isSynced(): boolean {
    return [...this.running.values()].every((watch) => watch.isSynced);
  }

  private async eachTenant(clusterId: string, visit: (tenantId: string) => void): Promise<void> {
    let after: string | null = null;
    do {
      const ids: string[] = await this.rows.findTenantIds(this.context, clusterId, after, PAGE);
      ids.forEach(visit);
      after = ids.length === PAGE ? ids.at(-1)! : null;
    } while (after !== null);
  }

  /** What differs from what was applied, and did so before, is somebody else's doing: the tenant's job applies all of it again. */
  private async look(clusterId: string, tenantId: string, observed: ReadonlyMap<string, string>, suspected: readonly string[]): Promise<Verdict> {
    const placement = await this.rows.findOn(this.context, clusterId, tenantId);
    if (!placement) return { drifted: [], underWay: false };
    if (!STANDING.has(placement.state)) return this.lookAtDeletion(placement, observed);
    if (placement.observedGeneration < placement.generation) return { drifted: [], underWay: true };
    const drifted = driftedKeys(placement.applied, observed);
    const certain = drifted.filter((key) => suspected.includes(key));
    if (certain.length === 0) return { drifted, underWay: false };
    this.log.warn({ tenantId, objects: certain }, 'objects of a placement were changed by others; they are being put right');
    await this.database.transaction(this.context, async () => {
      await this.rows.demandVerification(this.context, placement);
      await this.enqueue(tenantId);
    });
    return { drifted: [], underWay: true };
  }

  /** The namespace's end is what a deletion waits for. */
  private async lookAtDeletion(placement: PlacementEntity, observed: ReadonlyMap<string, string>): Promise<Verdict> {
    const gone = ![...observed.keys()].some((key) => key.startsWith(`${RESOURCE.namespace.plural}/`));
    if (gone) await this.enqueue(placement.tenantId, [TENANT_JOB, PLACEMENT_JOB]);
    return { drifted: [], underWay: false };
  }

  private async enqueue(tenantId: string, kinds: readonly string[] = [TENANT_JOB]): Promise<void> {
    for (const kind of kinds) await this.jobs.enqueue(this.context, { kind, key: tenantId, group: tenantId });
  }
}
