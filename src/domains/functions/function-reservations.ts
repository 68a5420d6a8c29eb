import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { QuotaAdmission, type ReservedLimit } from '../tenants/quota-admission.js';
import { reservationOf } from './function-defaults.policy.js';
import { isSame } from './function-parts.policy.js';
import { beyondQuotaTwice } from './functions.errors.js';
import { revisionsBeside, runsTwice } from './rollout.policy.js';
import type { FunctionWithTarget } from './store/function.entity.js';
import { RevisionsRepository } from './store/revisions.repository.js';

type Amounts = Partial<Record<ReservedLimit, number>>;

/** What functions hold of their tenant's quota: room for the most pods of the largest revision that runs or may have to, twice while a rollout keeps two of them. In the caller's transaction. */
@Injectable()
export class FunctionReservations {
  constructor(
    private readonly revisions: RevisionsRepository,
    private readonly quotas: QuotaAdmission,
  ) {}

  /** Nothing is asked of the quota where the change makes no difference to it. @throws {DomainError} QUOTA_EXCEEDED. */
  async change(context: TenantContext, before: FunctionWithTarget | null, after: FunctionWithTarget): Promise<void> {
    const [held, wanted] = await this.both(context, before, after);
    if (held && isSame(held, wanted)) return;
    await this.quotas.reserve(context, holderOf(after.id), wanted).catch((error: unknown) => {
      throw isTwice(after) && error instanceof DomainError && error.kind === 'quota-exceeded' ? beyondQuotaTwice(error, after.rollout.strategy) : error;
    });
  }

  /** After news of the clusters: gives back what nothing needs any more. What runs already is refused nothing. */
  async giveBack(context: TenantContext, before: FunctionWithTarget, after: FunctionWithTarget): Promise<void> {
    if (isSame(standing(before), standing(after)) && isTwice(before) === isTwice(after)) return;
    const [held, wanted] = await this.both(context, before, after);
    if (held && !isSame(held, wanted) && isWithin(wanted, held)) await this.quotas.reserve(context, holderOf(after.id), wanted);
  }

  async release(context: TenantContext, functionId: string): Promise<void> {
    await this.quotas.release(context, holderOf(functionId));
  }

  private async both(context: TenantContext, before: FunctionWithTarget | null, after: FunctionWithTarget): Promise<[Amounts | undefined, Amounts]> {
    const known = new Map([...(before ? [before.target] : []), after.target].map(({ number, effective }) => [number, effective]));
    const others = [...new Set([...(before ? standing(before) : []), ...standing(after)])].filter((number) => !known.has(number));
    if (others.length > 0) for (const { number, effective } of await this.revisions.findSome(context, after.id, others)) known.set(number, effective);
    const of = (fn: FunctionWithTarget): Amounts => reservationOf(standing(fn).flatMap((number) => known.get(number) ?? []), fn.scaling, isTwice(fn));
    return [before ? of(before) : undefined, of(after)];
  }
}

/** By number: the target and all that may have pods beside it. */
function standing(fn: FunctionWithTarget): number[] {
  return [fn.targetRevision, ...revisionsBeside(fn, fn.release)];
}

/** A target that has no image to run has no pods. */
function isTwice(fn: FunctionWithTarget): boolean {
  return fn.target.buildState !== 'failed' && runsTwice(fn);
}

function isWithin(amounts: Amounts, bounds: Amounts): boolean {
  return Object.entries(amounts).every(([limit, amount]) => amount <= (bounds[limit as ReservedLimit] ?? 0));
}

function holderOf(functionId: string): string {
  return `function:${functionId}`;
}
