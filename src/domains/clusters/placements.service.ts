import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import type { FieldProblem } from '../../platform/errors/domain-error.js';
import { JobQueue } from '../../platform/jobs/job-queue.js';
import type { PresentPlacement } from './placement-choice.policy.js';
import { PLACEMENT_JOB } from './placement-job.js';
import { ruleProblems } from './placement-rule.policy.js';
import { ANYWHERE, STANDING, type PlacementPurpose, type PlacementRule, type PlacementState } from './placement-states.js';
import { servingPlace } from './serving-gateway.policy.js';
import type { ClusterEntity } from './store/cluster.entity.js';
import { ClustersRepository } from './store/clusters.repository.js';
import type { PlacementEntity } from './store/placement.entity.js';
import { PlacementSettingsRepository } from './store/placement-settings.repository.js';
import { PlacementsRepository } from './store/placements.repository.js';

/** Where a tenant is placed, for domains that put things there. */
export interface PlacedTenant {
  clusterId: string;
  clusterName: string;
  namespace: string;
  /** Null until the namespace has been made; another one than before means that everything in it is gone. */
  namespaceUid: string | null;
  state: PlacementState;
  wantedBy: PlacementPurpose;
}

export interface PlacementWithCluster {
  placement: PlacementEntity;
  cluster: ClusterEntity;
}

@Injectable()
export class PlacementsService {
  constructor(
    private readonly database: Database,
    private readonly placements: PlacementsRepository,
    private readonly clusters: ClustersRepository,
    private readonly settings: PlacementSettingsRepository,
    private readonly jobs: JobQueue,
  ) {}

  /** All placements of the context's tenant. */
  async list(context: TenantContext): Promise<PlacedTenant[]> {
    const placed = await this.withClusters(context);
    return placed.map(toPlacedTenant);
  }

  async page(context: TenantContext, request: PageRequest): Promise<Page<PlacementWithCluster>> {
    return this.database.transaction(context, async () => {
      const { items, nextCursor } = await this.placements.findPage(context, request);
      return { items: await this.join(context, items), nextCursor };
    });
  }

  /** As {@link list}, with the rows. */
  async withClusters(context: TenantContext): Promise<PlacementWithCluster[]> {
    return this.database.transaction(context, async () => this.join(context, await this.placements.findAll(context)));
  }

  /**
   * Address of the gateway of the cluster that serves best; null for the platform's own.
   * @param places of a function that has places of its own; without them it is wherever its tenant is
   */
  async gatewayUrl(context: TenantContext, places: readonly PresentPlacement[] | null): Promise<string | null> {
    return servingPlace(placesOf(await this.withClusters(context), places))?.cluster.gatewayUrl ?? null;
  }

  /** What no cluster can meet of a function's rule, whatever state the clusters are in. In the open transaction. */
  async unmet(context: TenantContext, rule: PlacementRule): Promise<FieldProblem[]> {
    return ruleProblems((await this.settings.find(context)) ?? ANYWHERE, rule, await this.clusters.findTraits(context));
  }

  /** Asks for the tenant to be brought where it and its functions are to be. */
  requestMove(context: TenantContext): Promise<void> {
    return this.jobs.enqueue(context, { kind: PLACEMENT_JOB, key: context.tenantId, group: context.tenantId });
  }

  private async join(context: TenantContext, rows: PlacementEntity[]): Promise<PlacementWithCluster[]> {
    const clusters = new Map((await this.clusters.findMany(context, rows.map((row) => row.clusterId))).map((cluster) => [cluster.id, cluster]));
    return rows.map((placement) => ({ placement, cluster: clusters.get(placement.clusterId)! }));
  }
}

export function toPlacedTenant({ placement, cluster }: PlacementWithCluster): PlacedTenant {
  return { clusterId: cluster.id, clusterName: cluster.name, namespace: placement.namespace, namespaceUid: placement.namespaceUid, state: placement.state, wantedBy: placement.wantedBy };
}

/** The placements that a function stands on, each in the function's own state there: those the tenant asks for as a whole, or of its own. */
export function placesOf<Place extends { placement: Pick<PlacementEntity, 'clusterId' | 'state' | 'wantedBy'> }>(placed: readonly Place[], places: readonly PresentPlacement[] | null): Place[] {
  if (places === null) return placed.filter(({ placement }) => placement.wantedBy === 'tenant');
  return placed.flatMap((place) => {
    const own = places.find(({ clusterId }) => clusterId === place.placement.clusterId);
    return own && STANDING.has(place.placement.state) ? [{ ...place, placement: { ...place.placement, state: own.state } }] : [];
  });
}
