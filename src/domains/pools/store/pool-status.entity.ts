import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { WarmPoolStatus } from '../../../contract/pool-resource.js';

/** One row a cluster that a tenant's pool stands on. */
@Entity('warm_pool_status')
export class PoolStatusEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') clusterId!: string;
  @Column('text') uid!: string;
  @Column('numeric') version!: string;
  @Column('jsonb') status!: WarmPoolStatus;
  @Column('timestamptz') observedAt!: Date;
}
