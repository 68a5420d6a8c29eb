import { Injectable } from '@nestjs/common';
import type { Condition, ConditionReason, FunctionResource, Suspension } from '../../contract/function-resource.js';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { findCondition } from '../../platform/kubernetes/conditions.js';
import { canonicalJson } from '../../platform/kubernetes/drift.js';
import { OperationsService } from '../operations/operations.service.js';
import { deletingConditions, failedConditions, progressConditions } from './function-conditions.policy.js';
import { FunctionNews } from './function-news.js';
import { FunctionReservations } from './function-reservations.js';
import { decideStatus } from './function-status.policy.js';
import type { FunctionEntity, FunctionWithTarget } from './store/function.entity.js';
import { FunctionsRepository } from './store/functions.repository.js';
import { RevisionsRepository } from './store/revisions.repository.js';

const LONGEST_ERROR = 4_000;

/** Reasons of the steps before the cluster is told. */
const EARLY: readonly ConditionReason[] = ['Accepted', 'Building', 'Placing', 'RetryingAfterError', 'ClusterUnreachable'];

function isEarly(fn: FunctionEntity): boolean {
  const reason = findCondition(fn.conditions, 'Reconciling')?.reason;
  return reason !== undefined && EARLY.includes(reason);
}

/** Writes what became of a function: each method is one transaction over the row as it is then, so that late news never undo newer ones. */
@Injectable()
export class FunctionProgress {
  constructor(
    private readonly database: Database,
    private readonly functions: FunctionsRepository,
    private readonly revisions: RevisionsRepository,
    private readonly operations: OperationsService,
    private readonly reservations: FunctionReservations,
    private readonly news: FunctionNews,
  ) {}

  /** Work on `seen` goes on; nothing is written when a newer generation has been asked for meanwhile. */
  working(context: TenantContext, seen: FunctionEntity, reason: ConditionReason, message: string): Promise<void> {
    return this.write(context, seen, (fn) => progressConditions(fn.conditions, reason, message, new Date()));
  }

  /** The cluster was told: from here on its own status speaks, which may be there already. */
  applied(context: TenantContext, seen: FunctionEntity): Promise<void> {
    return this.write(context, seen, (fn) => (isEarly(fn) ? progressConditions(fn.conditions, 'Deploying', 'The cluster has been told and starts the pods.', new Date()) : fn.conditions));
  }

  /** Work on `seen` ended badly: its operation fails with the same words. */
  async failed(context: TenantContext, seen: FunctionEntity, reason: ConditionReason, message: string): Promise<void> {
    await this.database.transaction(context, async () => {
      await this.write(context, seen, (fn) => failedConditions(fn.conditions, reason, message, new Date()));
      await this.operations.finish(context, seen.id, { state: 'failed', reason, message }, seen.generation);
    });
  }

  deleting(context: TenantContext, seen: FunctionEntity, message: string): Promise<void> {
    return this.write(context, seen, (fn) => deletingConditions(fn.conditions, message, new Date()));
  }

  /** The revision has its image. */
  built(context: TenantContext, fn: FunctionWithTarget, image: string): Promise<void> {
    return this.revisions.setBuilt(context, fn.id, fn.target.number, image);
  }

  /** The revision cannot become an image: the one before goes on serving. */
  async buildFailed(context: TenantContext, fn: FunctionWithTarget, reason: ConditionReason, message: string): Promise<void> {
    await this.database.transaction(context, async () => {
      await this.failed(context, fn, reason, message);
      await this.revisions.setFailed(context, fn.id, fn.target.number, message.slice(0, LONGEST_ERROR));
    });
  }

  async placed(context: TenantContext, fn: FunctionEntity, suspension: Suspension): Promise<void> {
    if (fn.suspension !== suspension) await this.functions.update(context, fn.id, { suspension });
  }

  /**
   * Takes a cluster's status over.
   * @returns the row it was compared with, or null when there is no such function.
   */
  async observed(context: TenantContext, functionId: string, resource: FunctionResource): Promise<FunctionWithTarget | null> {
    return this.database.transaction(context, async () => {
      const fn = await this.functions.lock(context, functionId);
      if (!fn) return null;
      const { change, outcome } = decideStatus(fn, fn.target, resource);
      if (change) await this.functions.update(context, fn.id, change);
      if (change) await this.reservations.giveBack(context, fn, { ...fn, ...change });
      if (outcome) await this.operations.finish(context, fn.id, outcome, outcome.generation);
      if (change) await this.news.changed(context, fn, { ...fn, ...change });
      return fn;
    });
  }

  /** The last trace is gone: row, revisions and reservation go, the operation has succeeded. The ledger stays. */
  async gone(context: TenantContext, fn: FunctionEntity): Promise<void> {
    await this.database.transaction(context, async () => {
      await this.functions.remove(context, fn.id);
      await this.reservations.release(context, fn.id);
      await this.operations.finish(context, fn.id, { state: 'succeeded' });
      await this.news.deleted(context, fn);
    });
  }

  private async write(context: TenantContext, seen: FunctionEntity, next: (fn: FunctionEntity) => Condition[]): Promise<void> {
    await this.database.transaction(context, async () => {
      const fn = await this.functions.lock(context, seen.id);
      if (!fn || fn.generation !== seen.generation) return;
      const conditions = next(fn);
      if (canonicalJson(conditions) !== canonicalJson(fn.conditions)) {
        await this.functions.update(context, fn.id, { conditions });
        await this.news.changed(context, fn, { ...fn, conditions });
      }
    });
  }
}
