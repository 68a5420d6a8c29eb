import { Injectable } from '@nestjs/common';
import { systemContext, type TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { canonicalJson } from '../../platform/kubernetes/drift.js';
import { partLogger } from '../../platform/observability/logger.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { isTrusted } from './cluster-health.policy.js';
import { choosePlacements } from './placement-choice.policy.js';
import { MISSING_MS, PlacementChooser } from './placement-chooser.js';
import { moveConditions } from './placement-conditions.policy.js';
import { PlacementGuests } from './placement-guests.js';
import { isSettled, planTenantMove, type MoveStep } from './placement-move.policy.js';
import { PlacementRemoval } from './placement-removal.js';
import { STANDING, type PlacedWorkloads } from './placement-states.js';
import { toPlacedTenant, type PlacementWithCluster } from './placements.service.js';
import { PlacementsRepository } from './store/placements.repository.js';

const FIRST_LOOK_MS = 500;
const LAST_LOOK_MS = 15_000;
/** Waiting is looked at the less often the longer it takes. */
const LOOKS = 10;

/** Brings a tenant from the clusters it is on to those it is to be on, step by step; each run goes on from where the rows stand. */
@Injectable()
export class PlacementMover {
  private readonly log = partLogger('placement');
  private readonly system = systemContext('placement');

  constructor(
    private readonly database: Database,
    private readonly chooser: PlacementChooser,
    private readonly rows: PlacementsRepository,
    private readonly guests: PlacementGuests,
    private readonly removal: PlacementRemoval,
    private readonly tenants: TenantsService,
  ) {}

  /** One run. @returns after how long to look again; null when the tenant is where it is to be. */
  async step(context: TenantContext): Promise<number | null> {
    const before = await this.chooser.placed(context);
    // The tenant's own job makes the first places.
    if (before.length === 0) return null;
    const present = before.map(({ placement }) => placement);
    const { candidates, wish } = await this.chooser.look(context);
    const { chosen, missing } = choosePlacements(wish, candidates, present);
    const held = await this.guests.held(context, (fn) => choosePlacements(wish, candidates, present, fn));
    const moving = [];
    for (const place of before) {
      const workloads = await this.inspect(context, place);
      const ready = place.placement.state === 'pending' && workloads !== null && workloads.ready === workloads.total;
      moving.push({ clusterId: place.cluster.id, state: place.placement.state, wantedBy: place.placement.wantedBy, reachable: isTrusted(place.cluster), ready });
    }
    const steps = planTenantMove(moving, chosen, wish.clusters, held);
    if (steps.length > 0) await this.carryOut(context, before, steps);
    const after = await this.removeLeft(context, steps.length > 0 ? await this.chooser.placed(context) : before);
    await this.tell(context, after);
    if (isSettled(after.map(({ placement }) => placement), missing)) return null;
    return steps.length > 0 ? FIRST_LOOK_MS : waitMs(after, missing);
  }

  /** What stands on a cluster, written down for the tenant to see. Null where that cannot be said yet. */
  private async inspect(context: TenantContext, place: PlacementWithCluster): Promise<PlacedWorkloads | null> {
    const { placement, cluster } = place;
    if (!STANDING.has(placement.state) || placement.observedGeneration === 0 || !isTrusted(cluster)) return null;
    try {
      const workloads = await this.guests.inspect(context, toPlacedTenant(place));
      if (canonicalJson(workloads) !== canonicalJson(placement.workloads)) await this.rows.writeWorkloads(context, cluster.id, workloads);
      placement.workloads = workloads;
      return workloads;
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      this.log.info({ cluster: cluster.name, tenant: context.tenantName, code: error.code }, 'what a tenant has on a cluster is not known yet');
      return null;
    }
  }

  /** Only from the rows that were seen: whoever changed them meanwhile has the next word. */
  private async carryOut(context: TenantContext, seen: readonly PlacementWithCluster[], steps: readonly MoveStep[]): Promise<void> {
    // Of the system's scope: what fits onto a cluster is judged by what all tenants have there.
    await this.database.transaction(this.system, async () => {
      await this.rows.holdTenant(context);
      if (statesOf(await this.chooser.placed(context)) !== statesOf(seen)) return;
      for (const step of steps) {
        if (step.kind === 'add') await this.chooser.add(context, step.clusterId, step.state, step.wantedBy);
        else await this.rows.move(context, { clusterId: step.clusterId, state: step.from }, step.to, step.wantedBy);
      }
      this.log.info({ tenant: context.tenantName, steps }, 'a tenant moves');
      // New places get their walls, and what readiness depends on is another set now.
      await this.tenants.requestReconcile(context);
      await this.guests.moved(context);
    });
  }

  /** @returns the placements that are left. */
  private async removeLeft(context: TenantContext, places: readonly PlacementWithCluster[]): Promise<PlacementWithCluster[]> {
    const gone = new Set<string>();
    for (const place of places.filter(({ placement }) => placement.state === 'deleting')) {
      if ((await this.removal.remove(context, place)) === undefined) gone.add(place.cluster.id);
    }
    return places.filter(({ cluster }) => !gone.has(cluster.id));
  }

  private async tell(context: TenantContext, places: readonly PlacementWithCluster[]): Promise<void> {
    for (const { placement, cluster } of places) {
      const conditions = moveConditions(placement.conditions, placement.state, placement.workloads, new Date());
      if (conditions !== placement.conditions) await this.rows.record(context, cluster.id, { conditions });
    }
  }
}

function statesOf(places: readonly PlacementWithCluster[]): string {
  return places.map(({ placement }) => `${placement.clusterId} ${placement.state} ${placement.wantedBy}`).sort().join();
}

function waitMs(places: readonly PlacementWithCluster[], missing: number): number {
  const onTheWay = places.filter(({ placement }) => placement.state !== 'active').map(({ placement }) => Date.now() - placement.stateSince.getTime());
  if (onTheWay.length === 0) return missing > 0 ? MISSING_MS : LAST_LOOK_MS;
  return Math.round(Math.min(LAST_LOOK_MS, Math.max(FIRST_LOOK_MS, Math.min(...onTheWay) / LOOKS)));
}
