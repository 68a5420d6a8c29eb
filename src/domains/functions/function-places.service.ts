import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { choosePlacements, type ClusterVerdict } from '../clusters/placement-choice.policy.js';
import { PlacementChooser } from '../clusters/placement-chooser.js';
import type { PlacementRule, PlacementState } from '../clusters/placement-states.js';
import { PlacementsService } from '../clusters/placements.service.js';
import { FunctionsService } from './functions.service.js';
import { placesOfTenant } from './own-places.policy.js';
import { sharesOf, shareOfScaling } from './scaling-share.policy.js';
import { FunctionsRepository } from './store/functions.repository.js';

/** Where a function is, and why. */
export interface FunctionPlaces {
  tenantId: string;
  functionId: string;
  /** What it asks of its places itself; null where it is wherever its tenant is. */
  rule: PlacementRule | null;
  places: { clusterId: string; clusterName: string; region: string; state: PlacementState; since: Date; min: number; max: number }[];
  /** So many more clusters are asked for than can be had. */
  missing: number;
  whyHere: ClusterVerdict[];
}

@Injectable()
export class FunctionPlacesService {
  constructor(
    private readonly functions: FunctionsService,
    private readonly rows: FunctionsRepository,
    private readonly placements: PlacementsService,
    private readonly chooser: PlacementChooser,
  ) {}

  /** Address of the gateway of the cluster that serves the function best; null for the platform's own, also where there is no such function. */
  async gatewayUrl(context: TenantContext, name: string): Promise<string | null> {
    return this.placements.gatewayUrl(context, await this.rows.findOwnPlaces(context, name));
  }

  /** By name or id. @throws {DomainError} FUNCTION_NOT_FOUND. */
  async get(context: TenantContext, reference: string): Promise<FunctionPlaces> {
    const fn = await this.functions.get(context, reference);
    const placed = await this.placements.withClusters(context);
    const present = placed.map(({ placement }) => placement);
    const { candidates, wish } = await this.chooser.look(context);
    const rule = fn.settings.placement ?? null;
    const places = fn.places ?? placesOfTenant(present);
    const { missing, verdicts } = choosePlacements(wish, candidates, present, rule ? { rule, places } : undefined);
    const shares = sharesOf(places);
    return {
      tenantId: context.tenantId, functionId: fn.id, rule, missing, whyHere: verdicts,
      places: places.flatMap(({ clusterId, state, since }) => {
        const { name, region } = candidates.find(({ id }) => id === clusterId) ?? {};
        const { min, max } = shareOfScaling(fn.scaling, shares.get(clusterId)!);
        // A cluster that is deleted is nobody's place.
        return name === undefined || region === undefined ? [] : [{ clusterId, clusterName: name, region, state, since: new Date(since), min, max }];
      }),
    };
  }
}
