import { Injectable } from '@nestjs/common';
import type { RolloutEngine } from '../../../contract/function-resource.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { DomainError } from '../../../platform/errors/domain-error.js';
import { canonicalJson } from '../../../platform/kubernetes/drift.js';
import { partLogger } from '../../../platform/observability/logger.js';
import { isTrusted } from '../../clusters/cluster-health.policy.js';
import { ClustersService } from '../../clusters/clusters.service.js';
import { isChosen, type ClusterVerdict, type PlacementChoice } from '../../clusters/placement-choice.policy.js';
import { PlacementChooser } from '../../clusters/placement-chooser.js';
import { planMove, type MovingPlacement } from '../../clusters/placement-move.policy.js';
import { STANDING, WANTED } from '../../clusters/placement-states.js';
import { PlacementsService, placesOf, type PlacementWithCluster } from '../../clusters/placements.service.js';
import type { OwnPlace } from '../function-body.js';
import { movedPlaces, remainingPlaces } from '../own-places.policy.js';
import type { FunctionWithTarget } from '../store/function.entity.js';
import { FunctionsRepository } from '../store/functions.repository.js';
import { EnvironmentObjectsOnCluster } from './environment-objects.js';
import { removeTraces } from './function-traces.js';
import { FunctionWatch } from './function.watch.js';
import { missingOf } from './placed-functions.js';
import { sharesOf, type ScalingShare } from '../scaling-share.policy.js';

const log = partLogger('functions');

const FIRST_LOOK_MS = 500;
const LAST_LOOK_MS = 15_000;
/** Waiting is looked at the less often the longer it takes. */
const LOOKS = 10;
/** Clusters that are named when none can be had. */
const MOST_NAMED = 5;

/** A place that the function is to be put on, or kept on, now. */
export interface PlacementFacts {
  clusterId: string;
  clusterName: string;
  namespace: string;
  namespaceUid: string;
  leaving: boolean;
  share: ScalingShare;
  rolloutEngine: RolloutEngine;
}

export interface Whereabouts {
  on: PlacementFacts[];
  /** Why it is nowhere; for its owner. */
  waitsFor: { reason: 'Placing' | 'PlacementFailed'; message: string };
  /** It is on its way: when to look again. */
  againMs: number | undefined;
}

/**
 * Where a function stands: wherever its tenant is, or by its own rule. One with a rule moves by itself, one step a run: what takes over is verified
 * first, only then what it replaces is taken away. The only one who changes `function.places` of a function that is there already.
 */
@Injectable()
export class FunctionPlacer {
  constructor(
    private readonly database: Database,
    private readonly functions: FunctionsRepository,
    private readonly placements: PlacementsService,
    private readonly chooser: PlacementChooser,
    private readonly clusters: ClustersService,
    private readonly watch: FunctionWatch,
    private readonly objects: EnvironmentObjectsOnCluster,
  ) {}

  async step(context: TenantContext, fn: FunctionWithTarget): Promise<Whereabouts> {
    const placed = await this.placements.withClusters(context);
    if (fn.places === null) return this.withTenant(fn, placed);
    const choice = await this.choose(context, fn, placed);
    const moving = fn.places.map((place) => this.look(fn, place, placed));
    const steps = planMove(moving, choice.chosen, choice.chosen.length + choice.missing);
    const moved = movedPlaces(fn.places, steps, new Date());
    const left = remainingPlaces(moved, placed.map(({ placement }) => placement), await this.empty(fn, moved, placed));
    const home = fn.settings.placement === undefined && left.every(({ state }) => state === 'active') && isChosen(left, choice.chosen);
    const places = home ? null : left;
    await this.write(context, fn, places);
    return this.whereabouts(placed, places, choice);
  }

  /** It may still stand where the tenant is only for others by now. */
  private async withTenant(fn: FunctionWithTarget, placed: readonly PlacementWithCluster[]): Promise<Whereabouts> {
    const strays = placed.filter(({ placement }) => placement.wantedBy === 'functions' && STANDING.has(placement.state));
    const there = strays.filter(({ placement: { clusterId, namespace } }) => !this.watch.isSynced(clusterId) || this.watch.observed(clusterId, { namespace, name: fn.name })?.spec.functionId === fn.id);
    const emptied = await Promise.all(there.map((place) => this.isEmptied(fn, place)));
    const known = this.whereabouts(placed, null, undefined);
    return emptied.every(Boolean) ? known : { ...known, againMs: FIRST_LOOK_MS };
  }

  private choose(context: TenantContext, fn: FunctionWithTarget, placed: readonly PlacementWithCluster[]): Promise<Omit<PlacementChoice, 'verdicts'> & { verdicts?: ClusterVerdict[] }> {
    const present = placed.map(({ placement }) => placement);
    const rule = fn.settings.placement;
    if (rule) return this.chooser.chooseFor(context, { rule, places: fn.places! }, present);
    const chosen = present.filter(({ state, wantedBy }) => wantedBy === 'tenant' && WANTED.has(state)).map(({ clusterId }) => clusterId);
    return Promise.resolve({ chosen, missing: 0 });
  }

  /** One that serves counts as such only while it does: what it has to take over it must have taken over. */
  private look(fn: FunctionWithTarget, { clusterId, state }: OwnPlace, placed: readonly PlacementWithCluster[]): MovingPlacement {
    const place = placed.find(({ cluster }) => cluster.id === clusterId);
    const trusted = !place || isTrusted(place.cluster);
    if (!WANTED.has(state)) return { clusterId, state, reachable: trusted, ready: false };
    const ready = place !== undefined && missingOf(fn, this.watch.observed(clusterId, { namespace: place.placement.namespace, name: fn.name })) === undefined;
    return { clusterId, state, ready, reachable: trusted && (state !== 'active' || ready) };
  }

  /** Takes the function away where it shall be no more. @returns the clusters on which nothing of it is left */
  private async empty(fn: FunctionWithTarget, places: readonly OwnPlace[], placed: readonly PlacementWithCluster[]): Promise<Set<string>> {
    const going = placed.filter(({ placement, cluster }) => STANDING.has(placement.state) && places.some(({ clusterId, state }) => clusterId === cluster.id && state === 'deleting'));
    const emptied = await Promise.all(going.map(async (place) => ((await this.isEmptied(fn, place)) ? [place.cluster.id] : [])));
    return new Set(emptied.flat());
  }

  private async isEmptied(fn: FunctionWithTarget, { placement, cluster }: PlacementWithCluster): Promise<boolean> {
    const { clusterId, namespace, namespaceUid } = placement;
    try {
      return await this.clusters.run(clusterId, 'functions', async (client) => {
        const left = await removeTraces(client, namespace, fn);
        // Also from what is remembered as being there: it may come back.
        if (left > 0) await this.objects.clean({ clusterId, namespace, namespaceUid: namespaceUid ?? '' }, client, fn.id, []);
        return left === 0;
      });
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      log.info({ function: fn.name, cluster: cluster.name, code: error.code }, 'a function could not be taken off a cluster yet');
      return false;
    }
  }

  private async write(context: TenantContext, fn: FunctionWithTarget, places: OwnPlace[] | null): Promise<void> {
    if (canonicalJson(places) === canonicalJson(fn.places)) return;
    await this.database.transaction(context, async () => {
      // Changed meanwhile by its owner, who has asked for another run.
      if (!(await this.functions.writePlaces(context, fn.id, fn.places, places))) return;
      log.info({ function: fn.name, places }, 'a function moves');
      // The tenant's own placements follow those of its functions.
      await this.placements.requestMove(context);
    });
  }

  private whereabouts(placed: readonly PlacementWithCluster[], places: OwnPlace[] | null, choice: (Pick<PlacementChoice, 'missing'> & { verdicts?: ClusterVerdict[] }) | undefined): Whereabouts {
    const own = placesOf(placed, places).filter(({ placement }) => STANDING.has(placement.state));
    const shares = sharesOf(places ?? own.map(({ placement }) => placement));
    const on = own.flatMap(({ placement: { observedGeneration, namespaceUid, namespace, state }, cluster }): PlacementFacts[] => {
      // Those whose walls (network policies, quota, limits) have stood at least once: nothing runs before them.
      if (observedGeneration === 0 || namespaceUid === null) return [];
      return [{ clusterId: cluster.id, clusterName: cluster.name, namespace, namespaceUid, leaving: state === 'leaving', share: shares.get(cluster.id)!, rolloutEngine: cluster.rolloutEngine }];
    });
    return { on, waitsFor: waitsFor(places, choice?.verdicts ?? []), againMs: lookAgain(places, choice?.missing ?? 0) };
  }
}

function waitsFor(places: readonly OwnPlace[] | null, verdicts: readonly ClusterVerdict[]): Whereabouts['waitsFor'] {
  if (places === null || places.some(({ state }) => STANDING.has(state))) return { reason: 'Placing', message: 'Waiting for the tenant to be set up on a cluster.' };
  const near = verdicts.filter(({ reason }) => reason !== 'OtherRegion' && reason !== 'OtherLabels');
  const named = (near.length > 0 ? near : verdicts).slice(0, MOST_NAMED).map(({ clusterName, message }) => `${clusterName}: ${message}`).join(' ');
  return { reason: 'PlacementFailed', message: `No cluster can be had that meets what the function asks of its placement; it is put in place as soon as one can. ${named}`.trim() };
}

function lookAgain(places: readonly OwnPlace[] | null, missing: number): number | undefined {
  const since = (places ?? []).filter(({ state }) => state !== 'active').map((place) => Date.now() - Date.parse(place.since));
  if (since.length > 0) return Math.round(Math.min(LAST_LOOK_MS, Math.max(FIRST_LOOK_MS, Math.min(...since) / LOOKS)));
  return missing > 0 ? LAST_LOOK_MS : undefined;
}
