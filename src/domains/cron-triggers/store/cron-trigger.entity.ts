import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { CronTriggerSettings } from '../cron-trigger-body.js';
import type { SkipReason } from '../due-runs.policy.js';

/** A schedule that starts a function. */
@Entity('cron_trigger')
export class CronTriggerEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('uuid') functionId!: string;
  @Column('jsonb') settings!: CronTriggerSettings;
  @Column('timestamptz', { nullable: true }) nextRunAt!: Date | null;
  @Column('timestamptz', { nullable: true }) lastRunAt!: Date | null;
  @Column('uuid', { nullable: true }) lastInvocationId!: string | null;
  /** A bigint, as Postgres' driver gives it. */
  @Column('bigint') skippedRuns!: string;
  @Column('timestamptz', { nullable: true }) lastSkippedAt!: Date | null;
  @Column('text', { nullable: true }) lastSkipReason!: SkipReason | null;
  @Column('integer') version!: number;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz') updatedAt!: Date;
}
