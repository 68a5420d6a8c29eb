import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { FunctionResource } from '../../../contract/function-resource.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { findCondition } from '../../../platform/kubernetes/conditions.js';
import { clusterNotConnected } from '../../clusters/clusters.errors.js';
import { isChosen, type PlacedFunction, type PlacementChoice } from '../../clusters/placement-choice.policy.js';
import { PlacementGuests, type PlacementGuest } from '../../clusters/placement-guests.js';
import { STANDING, WANTED, type PlacedWorkloads, type PlacementPurpose } from '../../clusters/placement-states.js';
import type { PlacedTenant } from '../../clusters/placements.service.js';
import { FunctionChanges } from '../function-changes.js';
import type { FunctionEntity } from '../store/function.entity.js';
import { FunctionsRepository } from '../store/functions.repository.js';
import { FunctionWatch } from './function.watch.js';

/** Told of those that are not ready: enough to know where to look. */
const MOST_WAITING = 5;
const LONGEST_MESSAGE = 300;

/** Tells how much of a tenant serves on one cluster, so that it leaves the one it was on only when everything serves on the next. */
@Injectable()
export class PlacedFunctions implements PlacementGuest, OnModuleInit {
  constructor(
    private readonly guests: PlacementGuests,
    private readonly functions: FunctionsRepository,
    private readonly watch: FunctionWatch,
    private readonly changes: FunctionChanges,
  ) {}

  onModuleInit(): void {
    this.guests.register(this);
  }

  /** Their state is told over all places together, of which there are others now. */
  async moved(context: TenantContext): Promise<void> {
    for (const { id, state } of await this.functions.findPlaces(context)) if (state === 'active') await this.changes.enqueue(context, id);
  }

  /** The choice is made anew by the function's own job, which moves it. */
  async held(context: TenantContext, choose: (fn: PlacedFunction) => PlacementChoice): Promise<string[]> {
    const held: string[] = [];
    for (const { id, state, places, rule } of await this.functions.findPlaced(context)) {
      if (state !== 'active') continue;
      const chosen = rule && choose({ rule, places }).chosen;
      if (!chosen || (chosen.length > 0 && !isChosen(places, chosen))) await this.changes.enqueue(context, id);
      held.push(...places.filter((place) => STANDING.has(place.state)).map(({ clusterId }) => clusterId));
    }
    return held;
  }

  /** @throws {DomainError} CLUSTER_NOT_CONNECTED while this process has not heard of all functions on the cluster. */
  async inspect(context: TenantContext, { clusterId, namespace, wantedBy }: PlacedTenant): Promise<PlacedWorkloads> {
    if (!this.watch.isSynced(clusterId)) throw clusterNotConnected();
    const serving = (await this.functions.findAll(context)).filter((fn) => servesSomewhere(fn) && belongsOn(fn, clusterId, wantedBy));
    const waiting: PlacedWorkloads['waiting'] = [];
    for (const fn of serving) {
      const observed = this.watch.observed(clusterId, { namespace, name: fn.name });
      if (!observed || observed.spec.functionId !== fn.id) await this.changes.enqueue(context, fn.id);
      const message = missingOf(fn, observed);
      if (message !== undefined) waiting.push({ name: fn.name, message: message.slice(0, LONGEST_MESSAGE) });
    }
    return { total: serving.length, ready: serving.length - waiting.length, waiting: waiting.slice(0, MOST_WAITING) };
  }
}

function belongsOn({ places }: FunctionEntity, clusterId: string, wantedBy: PlacementPurpose): boolean {
  return places === null ? wantedBy === 'tenant' : places.some((place) => place.clusterId === clusterId && WANTED.has(place.state));
}

/** Why a cluster cannot take a function over yet; undefined when it can. What serves nowhere needs no taking over. */
export function missingOf(fn: FunctionEntity, observed: FunctionResource | undefined): string | undefined {
  if (!servesSomewhere(fn)) return undefined;
  return observed?.spec.functionId === fn.id ? whatIsMissing(fn, observed) : 'it is being put there';
}

/** What serves nowhere, because it was never built or is suspended, keeps nobody from moving. */
function servesSomewhere(fn: FunctionEntity): boolean {
  return fn.state === 'active' && findCondition(fn.conditions, 'Serving')?.status === 'True';
}

/** It must serve there, and be ready there where it is ready elsewhere: a deployment that fails is no reason to wait. */
function whatIsMissing(fn: FunctionEntity, { metadata, status }: FunctionResource): string | undefined {
  const [serving, ready] = [findCondition(status?.conditions, 'Serving'), findCondition(status?.conditions, 'Ready')];
  if (status?.observedGeneration !== metadata.generation) return 'the cluster has not acted upon it yet';
  if (serving?.status !== 'True') return serving?.message ?? 'it does not serve yet';
  return ready?.status === 'True' || findCondition(fn.conditions, 'Ready')?.status !== 'True' ? undefined : ready?.message ?? 'it is not ready yet';
}
