import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AuthenticationMode, Condition, Suspension, TrafficRule } from '../../../contract/function-resource.js';
import type { EffectiveRollout, EffectiveScaling, OwnPlace, ReleaseStatus, RolloutState, SettingsBody } from '../function-body.js';
import type { FunctionState } from '../function-states.js';
import type { RevisionEntity } from './revision.entity.js';

@Entity('function')
export class FunctionEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('jsonb') labels!: Record<string, string>;
  @Column('text') state!: FunctionState;
  @Column('integer') targetRevision!: number;
  @Column('integer') lastRevision!: number;
  @Column('jsonb') settings!: SettingsBody;
  @Column('jsonb') scaling!: EffectiveScaling;
  @Column('jsonb') traffic!: TrafficRule[];
  @Column('jsonb') rollout!: EffectiveRollout;
  @Column('jsonb') rolloutState!: RolloutState;
  @Column('text') authentication!: AuthenticationMode;
  @Column('integer') generation!: number;
  @Column('integer') observedGeneration!: number;
  @Column('integer', { nullable: true }) servingRevision!: number | null;
  /** The one that served before it. */
  @Column('integer', { nullable: true }) previousRevision!: number | null;
  @Column('jsonb') release!: ReleaseStatus;
  @Column('integer') replicas!: number;
  @Column('integer') readyReplicas!: number;
  @Column('text') suspension!: Suspension;
  /** Null: wherever its tenant is. */
  @Column('jsonb', { nullable: true }) places!: OwnPlace[] | null;
  @Column('text') nameKey!: string;
  @Column('jsonb') conditions!: Condition[];
  @Column('integer') version!: number;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz') updatedAt!: Date;
  /** Joined by those reads that say so; no column. */
  target?: RevisionEntity;
}

/** A function with the revision it shall run. */
export type FunctionWithTarget = FunctionEntity & { target: RevisionEntity };
