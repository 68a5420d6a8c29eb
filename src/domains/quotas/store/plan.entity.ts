import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { StatedLimits } from '../admission.policy.js';

/** What the platform offers: limits and the currency of its prices. Tenants name one of them. */
@Entity('plan')
export class PlanEntity {
  @PrimaryColumn('text') name!: string;
  @Column('text') description!: string;
  @Column('jsonb') limits!: StatedLimits;
  @Column('text') currency!: string;
  @Column('timestamptz') createdAt!: Date;
}
