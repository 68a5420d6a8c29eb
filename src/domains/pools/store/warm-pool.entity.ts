import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { PoolBounds } from '../pool-bounds.policy.js';

/** One row a tenant that ever said what it wants. */
@Entity('warm_pool')
export class WarmPoolEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @Column('jsonb') runtimes!: PoolBounds[];
  @Column('integer') version!: number;
  @Column('timestamptz') updatedAt!: Date;
}
