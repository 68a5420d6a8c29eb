import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { checkEtag, etagOf, type ExpectedEtag } from '../../platform/rest/etag.js';
import { AuditService } from '../audit/audit.service.js';
import type { QuotaLimits, ReservedLimit } from '../tenants/quota-admission.js';
import { tenantDeleting } from '../tenants/tenants.errors.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { effectiveLimits, mergeOverrides, overQuota, usedAmounts, type LimitsPatch, type StatedLimits } from './admission.policy.js';
import { SpendLimits } from './spend-limits.js';
import { QuotasRepository, type QuotaRow } from './store/quotas.repository.js';

/** A tenant's quota, whole. */
export interface Quota {
  tenantId: string;
  plan: string;
  overrides: StatedLimits;
  effective: QuotaLimits;
  used: Record<ReservedLimit, number>;
  overQuota: { limit: ReservedLimit; allowed: number; used: number }[];
  etag: string;
  updatedAt: Date;
}

export interface ChangeQuota {
  /** Merge patch: null inside takes one override back, null as a whole all of them. */
  overrides?: LimitsPatch | null;
}

/** What each tenant may use: its plan's limits and what operators of the platform set over them. */
@Injectable()
export class QuotasService {
  constructor(
    private readonly database: Database,
    private readonly quotas: QuotasRepository,
    private readonly tenants: TenantsService,
    private readonly audit: AuditService,
    private readonly spend: SpendLimits,
  ) {}

  async get(context: TenantContext): Promise<Quota> {
    const row = await this.quotas.find(context);
    if (!row) throw quotaMissing(context);
    return toQuota(context.tenantId, row);
  }

  /**
   * Sets overrides. Limits below what is in use are accepted: they refuse growth only. A suspended tenant's quota may be
   * changed, since only operators can; one that is being deleted no longer.
   * @throws {DomainError} TENANT_DELETING, ETAG_MISMATCH.
   */
  change(context: TenantContext, command: ChangeQuota, expected: ExpectedEtag): Promise<Quota> {
    return this.database.transaction(context, async () => {
      const tenant = await this.tenants.get(context);
      if (tenant.state !== 'active') throw tenantDeleting();
      const locked = await this.quotas.lock(context);
      const before = locked && await this.quotas.find(context);
      if (!before) throw quotaMissing(context);
      checkEtag(expected, tagOf(context.tenantId, before));
      if (command.overrides === undefined) return toQuota(context.tenantId, before);
      const overrides = mergeOverrides(before.overrides, command.overrides);
      await this.quotas.setOverrides(context, overrides, before.version + 1);
      await this.audit.record(context, { action: 'quota.update', target: { kind: 'quota', id: tenant.id, name: tenant.name }, before: before.overrides, after: overrides });
      // In the order in which a change of the tenant itself asks for both: their rows are locks, too.
      if (overrides.monthlySpend !== before.overrides.monthlySpend) await this.spend.changed(context);
      // ResourceQuota, LimitRange and the gateway's limits follow.
      await this.tenants.requestReconcile(context);
      return this.get(context);
    });
  }
}

/** Every tenant has its row from the transaction that made it: this is never a caller's mistake. */
export function quotaMissing(context: TenantContext): Error {
  return new Error(`tenant ${context.tenantId} has no quota row`);
}

/** The plan is part of the tag: another plan changes what is in force without touching the row. */
function tagOf(tenantId: string, row: QuotaRow): { id: string; version: number } {
  return { id: createHash('sha256').update(`${tenantId}:${row.plan}`).digest('hex'), version: row.version };
}

function toQuota(tenantId: string, row: QuotaRow): Quota {
  const effective = effectiveLimits(row.limits, row.overrides);
  return {
    tenantId, plan: row.plan, overrides: row.overrides, effective, used: usedAmounts(row.reserved), overQuota: overQuota(effective, row.reserved),
    etag: etagOf(tagOf(tenantId, row)), updatedAt: row.updatedAt,
  };
}
