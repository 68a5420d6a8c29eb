import { Injectable, type OnModuleInit } from '@nestjs/common';
import { rolloutOf } from '../../contract/function-resource.js';
import { tenantNamespace } from '../../contract/names.js';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { PlacementsService, type PlacementWithCluster } from '../clusters/placements.service.js';
import { PARTICIPANT_DONE, TenantParticipants, type ParticipantResult, type TenantFacts, type TenantParticipant } from '../tenants/tenant-participants.js';
import { FunctionWatch } from './cluster/function.watch.js';
import { CodeService } from './code.service.js';
import { FunctionChanges } from './function-changes.js';
import { deletingConditions } from './function-conditions.policy.js';
import { functionSuspension } from './function-status.policy.js';
import { FunctionsRepository } from './store/functions.repository.js';

const LOOK_AGAIN_MS = 500;

/** Functions' part in a tenant's life: placed after everything they stand on, gone before it. */
@Injectable()
export class FunctionsParticipant implements TenantParticipant, OnModuleInit {
  readonly name = 'functions';
  readonly order = 60;

  constructor(
    private readonly participants: TenantParticipants,
    private readonly database: Database,
    private readonly functions: FunctionsRepository,
    private readonly changes: FunctionChanges,
    private readonly code: CodeService,
    private readonly watch: FunctionWatch,
    private readonly placements: PlacementsService,
  ) {}

  onModuleInit(): void {
    this.participants.register(this);
  }

  /**
   * The tenant is placed by now: wakes the functions that waited for that, those that stand under another suspension or another
   * engine of releases, and those that were lost on the cluster while nobody watched.
   */
  async provision(context: TenantContext, tenant: TenantFacts): Promise<ParticipantResult> {
    const suspension = functionSuspension(tenant.suspension);
    const namespace = tenantNamespace(context.tenantId);
    const placed = await this.placements.withClusters(context);
    const asking = (await this.functions.findPlaces(context))
      .filter((fn) => fn.state === 'active' && (fn.waits || fn.suspension !== suspension || this.watch.isNowhere({ namespace, name: fn.name }) || this.hasOtherEngine(placed, fn.name)));
    if (asking.length > 0) {
      await this.database.transaction(context, async () => {
        for (const fn of asking) await this.changes.enqueue(context, fn.id);
      });
    }
    return PARTICIPANT_DONE;
  }

  private hasOtherEngine(placed: readonly PlacementWithCluster[], name: string): boolean {
    return placed.some(({ placement: { namespace }, cluster }) => {
      const observed = this.watch.observed(cluster.id, { namespace, name });
      return observed !== undefined && (rolloutOf(observed.spec).engine ?? 'operator') !== cluster.rolloutEngine;
    });
  }

  async teardown(context: TenantContext): Promise<ParticipantResult> {
    const left = await this.markDeleting(context);
    if (left > 0) return { done: false, reason: 'Deleting', message: `${left} ${left === 1 ? 'function is' : 'functions are'} being removed from the clusters.`, retryAfterMs: LOOK_AGAIN_MS };
    while (await this.code.removeUnused(context, 0));
    return PARTICIPANT_DONE;
  }

  private markDeleting(context: TenantContext): Promise<number> {
    return this.database.transaction(context, async () => {
      const all = await this.functions.findAll(context);
      for (const seen of all.filter((fn) => fn.state === 'active')) {
        const fn = await this.functions.lock(context, seen.id);
        if (!fn || fn.state !== 'active') continue;
        const conditions = deletingConditions(fn.conditions, 'The tenant is being deleted.', new Date());
        await this.functions.update(context, fn.id, { state: 'deleting', generation: fn.generation + 1, version: fn.version + 1, updatedAt: new Date(), conditions });
        await this.changes.enqueue(context, fn.id);
      }
      return all.length;
    });
  }
}
