import { Injectable } from '@nestjs/common';
import { tenantNamespace } from '../../contract/names.js';
import { systemContext, type TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { JobQueue } from '../../platform/jobs/job-queue.js';
import { isLost, isTrusted } from './cluster-health.policy.js';
import { choosePlacements, type ClusterCandidate, type PlacedFunction, type PlacementChoice, type PresentPlacement } from './placement-choice.policy.js';
import { PLACEMENT_JOB } from './placement-job.js';
import { ANYWHERE, type PlacementPurpose, type PlacementWish } from './placement-states.js';
import { PlacementsService, type PlacementWithCluster } from './placements.service.js';
import { ClustersRepository, type CandidateRow } from './store/clusters.repository.js';
import { PlacementsRepository } from './store/placements.repository.js';

/** How soon a tenant that cannot be on as many clusters as it asks for is looked at again. */
export const MISSING_MS = 30_000;

/** What a choice is made from. */
export interface Outlook {
  candidates: ClusterCandidate[];
  wish: PlacementWish;
}

/** Finds the clusters a tenant is to be on. Looks past the tenant's own rows, and so never inside a tenant's transaction. */
@Injectable()
export class PlacementChooser {
  private readonly system = systemContext('placement');

  constructor(
    private readonly database: Database,
    private readonly clusters: ClustersRepository,
    private readonly placements: PlacementsService,
    private readonly rows: PlacementsRepository,
    private readonly jobs: JobQueue,
  ) {}

  /** The clusters there are, and what the tenant asks of its places. */
  async look(context: TenantContext): Promise<Outlook> {
    const rows = await this.database.outside(() => this.clusters.findCandidates(this.system, context.tenantId));
    const now = new Date();
    return { candidates: rows.map((row) => toCandidate(row, now)), wish: rows[0]?.wish ?? ANYWHERE };
  }

  /** For one of the tenant's functions. @param present the tenant's placements. */
  async chooseFor(context: TenantContext, fn: PlacedFunction, present: readonly PresentPlacement[]): Promise<PlacementChoice> {
    const { candidates, wish } = await this.look(context);
    return choosePlacements(wish, candidates, present, fn);
  }

  /** Places a tenant that has no place yet; several may ask at once. Empty when no cluster takes it. */
  async placeFirst(context: TenantContext): Promise<PlacementWithCluster[]> {
    const { candidates, wish } = await this.look(context);
    const { chosen } = choosePlacements(wish, candidates, []);
    if (chosen.length === 0) return [];
    return this.database.transaction(this.system, async () => {
      await this.rows.holdTenant(context);
      const present = await this.placed(context);
      if (present.length > 0) return present;
      let added = 0;
      for (const clusterId of chosen) added += Number(await this.add(context, clusterId, 'active'));
      if (added < wish.clusters) await this.jobs.enqueue(context, { kind: PLACEMENT_JOB, key: context.tenantId, group: context.tenantId, delayMs: MISSING_MS });
      return this.placed(context);
    });
  }

  /** All placements there are. */
  placed(context: TenantContext): Promise<PlacementWithCluster[]> {
    return this.placements.withClusters(context);
  }

  /**
   * Part of a transaction of the system's: what is left of a cluster's capacity is judged, under a lock, by what all tenants have there.
   * @returns whether it fits; where it does not, the next look chooses otherwise
   */
  async add(context: TenantContext, clusterId: string, state: 'pending' | 'active', wantedBy: PlacementPurpose = 'tenant'): Promise<boolean> {
    if (!(await this.clusters.admit(this.system, context.tenantId, clusterId))) return false;
    await this.rows.add(context, { tenantId: context.tenantId, clusterId, namespace: tenantNamespace(context.tenantId), state, wantedBy });
    return true;
  }
}

function toCandidate(row: CandidateRow, now: Date): ClusterCandidate {
  const { id, name, region, labels, state, capacity, use, own, createdAt } = row;
  return { id, name, region, labels, state, capacity, use, own, createdAt, reachable: isTrusted(row), lost: isLost(row, now) };
}
