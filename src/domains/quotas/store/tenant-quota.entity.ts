import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ReservedLimit } from '../../tenants/quota-admission.js';
import type { StatedLimits } from '../admission.policy.js';

/** One row a tenant: what is set over its plan, and the sums of all that is reserved. */
@Entity('tenant_quota')
export class TenantQuotaEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @Column('jsonb') overrides!: StatedLimits;
  @Column('jsonb') reserved!: Partial<Record<ReservedLimit, number>>;
  @Column('integer') version!: number;
  @Column('timestamptz') updatedAt!: Date;
}
