import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { checkEtag, type ExpectedEtag } from '../../platform/rest/etag.js';
import { EnvironmentService } from '../configuration/environment.service.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { FunctionChanges, type FunctionAction } from './function-changes.js';
import { acceptedConditions } from './function-conditions.policy.js';
import { FunctionReservations } from './function-reservations.js';
import { atPointer, functionDeleting, functionNotFound, revisionNotBuilt, revisionNotFound, revisionNotKept, rollbackWithoutGoal, tooManyPinned, trafficFixed } from './functions.errors.js';
import type { Deployment } from './functions.service.js';
import { effectiveSettings } from './release-defaults.policy.js';
import { applyVerb, followsTarget, nextRollout, rollbackGoal, type RolloutVerb } from './rollout.policy.js';
import type { FunctionEntity, FunctionWithTarget } from './store/function.entity.js';
import { FunctionsRepository } from './store/functions.repository.js';
import type { RevisionEntity } from './store/revision.entity.js';
import { RevisionsRepository } from './store/revisions.repository.js';

/** Pinned revisions are kept for good: so many of a function at most. */
export const MOST_PINNED = 20;
/** Where callers of a rollback name the revision. */
const GOAL = '/revision';

/** Which of a function's revisions has the traffic, and how it comes to it. Each verb is one transaction. */
@Injectable()
export class RolloutsService {
  constructor(
    private readonly database: Database,
    private readonly functions: FunctionsRepository,
    private readonly revisions: RevisionsRepository,
    private readonly tenants: TenantsService,
    private readonly environment: EnvironmentService,
    private readonly reservations: FunctionReservations,
    private readonly changes: FunctionChanges,
  ) {}

  /**
   * Makes an older revision the target again, all at once whatever the strategy. Its number and what belongs to it are as they were.
   * @param revision absent: the one that serves while the target does not yet, else the one that served before it
   * @throws {DomainError} FUNCTION_NOT_FOUND, FUNCTION_DELETING, ETAG_MISMATCH, ROLLBACK_WITHOUT_GOAL, TRAFFIC_FIXED, QUOTA_EXCEEDED, and with a pointer
   *   REVISION_NOT_FOUND, REVISION_NOT_BUILT, CONFIG_NOT_FOUND, SECRET_NOT_FOUND
   */
  rollback(context: TenantContext, reference: string, revision: number | undefined, expected: ExpectedEtag): Promise<Deployment> {
    return this.changing(context, reference, expected, async (fn) => {
      const number = revision ?? rollbackGoal(fn);
      if (number === undefined) throw rollbackWithoutGoal();
      if (number === fn.targetRevision) return { function: fn, created: false };
      if (!followsTarget(fn.traffic)) throw trafficFixed();
      const target = await this.goal(context, fn, number);
      return this.write(context, 'function.rollback', fn, {
        targetRevision: number, rolloutState: nextRollout(fn.rolloutState, { immediate: true }), scaling: effectiveSettings(fn.settings, target.effective.concurrency).scaling,
        conditions: acceptedConditions(fn.conditions, true, new Date()),
      }, target);
    });
  }

  /** Promote, pause, resume, abort or retry. @throws {DomainError} FUNCTION_NOT_FOUND, FUNCTION_DELETING, ETAG_MISMATCH, and what {@link applyVerb} throws. */
  steer(context: TenantContext, reference: string, verb: RolloutVerb, expected: ExpectedEtag): Promise<Deployment> {
    return this.changing(context, reference, expected, async (fn) => {
      const rolloutState = applyVerb(verb, fn);
      if (!rolloutState) return { function: fn, created: false };
      return this.write(context, `rollout.${verb}`, fn, { rolloutState, conditions: acceptedConditions(fn.conditions, verb === 'retry', new Date()) }, fn.target);
    });
  }

  /** A pinned revision stays when the history is cut. @throws {DomainError} FUNCTION_NOT_FOUND, REVISION_NOT_FOUND, TOO_MANY_PINNED, ETAG_MISMATCH (the etag is the function's). */
  pin(context: TenantContext, reference: string, number: number, pinned: boolean | undefined, expected: ExpectedEtag): Promise<RevisionEntity> {
    return this.database.transaction(context, async () => {
      const fn = await this.lock(context, reference, expected);
      const [found] = await this.revisions.findSome(context, fn.id, [number]);
      if (!found) throw revisionNotFound();
      if (pinned === undefined || found.pinned === pinned) return found;
      if (pinned && (await this.revisions.countPinned(context, fn.id)) >= MOST_PINNED) throw tooManyPinned(MOST_PINNED);
      await this.revisions.setPinned(context, fn.id, number, pinned);
      await this.functions.update(context, fn.id, { version: fn.version + 1, updatedAt: new Date() });
      await this.changes.recordPin(context, fn, { revision: number, pinned: found.pinned }, { revision: number, pinned });
      return Object.assign(found, { pinned });
    });
  }

  private changing(context: TenantContext, reference: string, expected: ExpectedEtag, work: (fn: FunctionWithTarget) => Promise<Deployment>): Promise<Deployment> {
    return this.database.transaction(context, async () => work(await this.lock(context, reference, expected)));
  }

  private async lock(context: TenantContext, reference: string, expected: ExpectedEtag): Promise<FunctionWithTarget> {
    await this.tenants.requireWritable(context);
    const fn = await this.functions.lock(context, reference);
    if (!fn) throw functionNotFound();
    if (fn.state === 'deleting') throw functionDeleting(fn.name);
    checkEtag(expected, fn);
    return fn;
  }

  /** An older revision that can run: its image is there or can be made, and all that it names is still there. */
  private async goal(context: TenantContext, fn: FunctionEntity, number: number): Promise<RevisionEntity> {
    const [found] = await this.revisions.findSome(context, fn.id, [number]);
    if (!found) throw revisionNotKept(GOAL, number);
    if (found.buildState === 'failed') throw revisionNotBuilt(GOAL, number);
    const { configs = [], secrets = [] } = found.spec;
    if (configs.length + secrets.length === 0) return found;
    await this.environment.hold(context, { configs, secrets }).catch((error: unknown) => {
      throw error instanceof DomainError ? atPointer(error, GOAL) : error;
    });
    return found;
  }

  private async write(context: TenantContext, action: FunctionAction, before: FunctionWithTarget, change: Partial<FunctionEntity>, target: RevisionEntity): Promise<Deployment> {
    const all = { ...change, generation: before.generation + 1, version: before.version + 1, updatedAt: new Date() };
    await this.functions.update(context, before.id, all);
    const fn = { ...before, ...all, target };
    const operation = await this.changes.record(context, action, fn, { before: wordsOf(before), after: wordsOf(fn) });
    await this.reservations.change(context, before, fn);
    return { function: fn, created: false, operation };
  }
}

function wordsOf({ targetRevision, rolloutState }: FunctionEntity): object {
  return { targetRevision, rollout: rolloutState };
}
