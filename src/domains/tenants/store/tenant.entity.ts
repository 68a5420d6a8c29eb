import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { SpendReached, SuspensionLevel, TenantState } from '../tenant-state.js';

/** As conditions are kept in Postgres, for tenants. */
export interface TenantCondition {
  type: 'Ready' | 'Reconciling';
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
}

@Entity('tenant')
export class TenantEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('text') displayName!: string;
  @Column('jsonb') labels!: Record<string, string>;
  @Column('text') plan!: string;
  @Column('text') timeZone!: string;
  @Column('text') state!: TenantState;
  @Column('text') suspension!: SuspensionLevel;
  /** Null while the month's spending is within its limit. */
  @Column('jsonb', { nullable: true }) spendReached!: SpendReached | null;
  @Column('integer') generation!: number;
  @Column('integer') observedGeneration!: number;
  @Column('jsonb') conditions!: TenantCondition[];
  @Column('integer') version!: number;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz') updatedAt!: Date;
  @Column('timestamptz', { nullable: true }) deletedAt!: Date | null;
}
