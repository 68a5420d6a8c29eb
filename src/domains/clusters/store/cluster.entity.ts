import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { RolloutEngine } from '../../../contract/function-resource.js';
import type { StatusCondition } from '../../../platform/kubernetes/conditions.js';
import type { ClusterCapacity, ClusterConnectionKind, ClusterState } from '../placement-states.js';

@Entity('cluster')
export class ClusterEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('text') region!: string;
  @Column('jsonb') labels!: Record<string, string>;
  @Column('text') connection!: ClusterConnectionKind;
  @Column('text') state!: ClusterState;
  /** Null where no bound is known. */
  @Column('jsonb', { nullable: true }) capacity!: ClusterCapacity | null;
  /** Null for the gateway of the process that asks. */
  @Column('text', { nullable: true }) gatewayUrl!: string | null;
  /** Who steps releases there. */
  @Column('text') rolloutEngine!: RolloutEngine;
  /** Version of Kubernetes, as the last answered heartbeat told. */
  @Column('text', { nullable: true }) kubernetes!: string | null;
  @Column('timestamptz', { nullable: true }) heartbeatAt!: Date | null;
  /** When it was last asked, whatever came of it. */
  @Column('timestamptz', { nullable: true }) attemptedAt!: Date | null;
  /** What the last heartbeat failed with; null when it did not. */
  @Column('text', { nullable: true }) message!: string | null;
  @Column('jsonb') conditions!: StatusCondition[];
  @Column('integer') version!: number;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz') updatedAt!: Date;
}
