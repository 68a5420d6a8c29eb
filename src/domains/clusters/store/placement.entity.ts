import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { StatusCondition } from '../../../platform/kubernetes/conditions.js';
import type { PlacedWorkloads, PlacementPurpose, PlacementState } from '../placement-states.js';

/** By `<plural>/<name>`: the hash of the manifest that was applied, and the fingerprint of what the API server answered. */
export type AppliedObjects = Record<string, { input: string; observed: string }>;

@Entity('placement')
export class PlacementEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') clusterId!: string;
  @Column('text') namespace!: string;
  /** Proof of ownership: a namespace with another one is never touched. */
  @Column('text', { nullable: true }) namespaceUid!: string | null;
  @Column('text') state!: PlacementState;
  @Column('text') wantedBy!: PlacementPurpose;
  @Column('timestamptz') stateSince!: Date;
  /** Counts the demands to apply everything anew; the last one that was met stands in `observedGeneration`. */
  @Column('integer') generation!: number;
  @Column('integer') observedGeneration!: number;
  @Column('jsonb') applied!: AppliedObjects;
  @Column('timestamptz', { nullable: true }) verifiedAt!: Date | null;
  @Column('jsonb') conditions!: StatusCondition[];
  /** Null until somebody looked. */
  @Column('jsonb', { nullable: true }) workloads!: PlacedWorkloads | null;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz') updatedAt!: Date;
}
