import { Injectable } from '@nestjs/common';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import type { ReservedLimit } from '../../tenants/quota-admission.js';
import type { SpendReached } from '../../tenants/tenant-state.js';
import type { StatedLimits } from '../admission.policy.js';
import { TenantQuotaEntity } from './tenant-quota.entity.js';

export type Amounts = Partial<Record<ReservedLimit, number>>;

/** A tenant's quota with the plan it stands on, as one statement reads it. */
export interface QuotaRow {
  plan: string;
  limits: StatedLimits;
  overrides: StatedLimits;
  reserved: Amounts;
  version: number;
  updatedAt: Date;
}

/** What a reservation is decided on. */
export interface HeldQuota {
  limits: StatedLimits;
  overrides: StatedLimits;
  /** Set while the month's spending has reached its limit. */
  spendReached: SpendReached | null;
  /** What the holder holds now. */
  held: Amounts;
}

@Injectable()
export class QuotasRepository extends TenantRepository<TenantQuotaEntity> {
  constructor(database: Database) {
    super(database, TenantQuotaEntity);
  }

  /** The row of a new tenant. */
  async add(context: TenantContext): Promise<void> {
    await this.insert(context, { tenantId: context.tenantId, overrides: {}, reserved: {}, version: 1, updatedAt: new Date() });
  }

  async find(context: TenantContext): Promise<QuotaRow | null> {
    const rows = await this.database.statement<QuotaRow>(context,
      `SELECT tenant.plan, plan.limits, quota.overrides, quota.reserved, quota.version, quota.updated_at AS "updatedAt"
       FROM tenant_quota quota JOIN tenant ON tenant.id = quota.tenant_id JOIN plan ON plan.name = tenant.plan
       WHERE quota.tenant_id = $1`, [context.tenantId]);
    return rows[0] ?? null;
  }

  /**
   * Locks the tenant's row until the transaction ends and gives the sums as they are once the lock is held. What else a
   * decision needs is read by later statements: those see what the transactions waited for have written, a join here would not.
   */
  async lock(context: TenantContext): Promise<{ reserved: Amounts } | null> {
    const rows = await this.database.statement<{ reserved: Amounts }>(context, 'SELECT reserved FROM tenant_quota WHERE tenant_id = $1 FOR UPDATE', [context.tenantId]);
    return rows[0] ?? null;
  }

  /** Only after {@link lock}. */
  async findHeld(context: TenantContext, holder: string): Promise<HeldQuota | null> {
    const rows = await this.database.statement<HeldQuota>(context,
      `SELECT plan.limits, quota.overrides, tenant.spend_reached AS "spendReached", coalesce(reservation.amounts, '{}') AS held
       FROM tenant_quota quota JOIN tenant ON tenant.id = quota.tenant_id JOIN plan ON plan.name = tenant.plan
       LEFT JOIN quota_reservation reservation ON reservation.tenant_id = quota.tenant_id AND reservation.holder = $2
       WHERE quota.tenant_id = $1`, [context.tenantId, holder]);
    return rows[0] ?? null;
  }

  /** What the holder holds and the sums after it, in one statement. */
  async writeHeld(context: TenantContext, holder: string, amounts: Amounts, reserved: Amounts): Promise<void> {
    await this.database.statement(context,
      `WITH sums AS (UPDATE tenant_quota SET reserved = $4 WHERE tenant_id = $1)
       INSERT INTO quota_reservation (tenant_id, holder, amounts) VALUES ($1, $2, $3)
       ON CONFLICT (tenant_id, holder) DO UPDATE SET amounts = excluded.amounts`,
      [context.tenantId, holder, JSON.stringify(amounts), JSON.stringify(reserved)]);
  }

  async removeHeld(context: TenantContext, holder: string, reserved: Amounts): Promise<void> {
    await this.database.statement(context,
      `WITH sums AS (UPDATE tenant_quota SET reserved = $3 WHERE tenant_id = $1)
       DELETE FROM quota_reservation WHERE tenant_id = $1 AND holder = $2`,
      [context.tenantId, holder, JSON.stringify(reserved)]);
  }

  /** Every reservation of a tenant that is gone. */
  async clear(context: TenantContext): Promise<void> {
    await this.run(context, (manager) => manager.query(
      `WITH sums AS (UPDATE tenant_quota SET reserved = '{}' WHERE tenant_id = $1)
       DELETE FROM quota_reservation WHERE tenant_id = $1`, [context.tenantId]));
  }

  /** Asks for a job with the tenant's id as key for each of the tenants whose spending has a limit. */
  async enqueueLimitedSpenders(context: SystemContext, kind: string, tenantIds: readonly string[], delayMs: number): Promise<void> {
    await this.database.statement(context,
      `SELECT enqueue_work($1, id, id, $3) FROM (
         SELECT quota.tenant_id::text AS id FROM tenant_quota quota JOIN tenant ON tenant.id = quota.tenant_id JOIN plan ON plan.name = tenant.plan
         WHERE quota.tenant_id = ANY($2::uuid[]) AND coalesce(quota.overrides ->> 'monthlySpend', plan.limits ->> 'monthlySpend') IS NOT NULL
         ORDER BY quota.tenant_id
       ) AS limited`, [kind, tenantIds, delayMs]);
  }

  async setOverrides(context: TenantContext, overrides: StatedLimits, version: number): Promise<void> {
    await this.run(context, (manager) => manager.update(TenantQuotaEntity, { tenantId: context.tenantId }, { overrides, version, updatedAt: new Date() } as never));
  }
}
