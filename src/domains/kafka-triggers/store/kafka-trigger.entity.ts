import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { KafkaTriggerSettings } from '../kafka-trigger-body.js';

/** Topics whose records a function is called with, and what became of them. */
@Entity('kafka_trigger')
export class KafkaTriggerEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('uuid') functionId!: string;
  @Column('jsonb') settings!: KafkaTriggerSettings;
  @Column('text') consumerGroup!: string;
  @Column('text', { nullable: true }) secret!: string | null;
  @Column('integer') version!: number;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz') updatedAt!: Date;
  @Column('integer') epoch!: number;
  @Column('uuid', { nullable: true }) run!: string | null;
  @Column('integer') failures!: number;
  @Column('text') readyStatus!: 'True' | 'False' | 'Unknown';
  @Column('text') readyReason!: string;
  @Column('text') readyMessage!: string;
  @Column('timestamptz') readySince!: Date;
  @Column('integer') assignedPartitions!: number;
  @Column('bigint', { nullable: true }) lag!: string | null;
  @Column('timestamptz', { nullable: true }) lastDeliveryAt!: Date | null;
  @Column('bigint') delivered!: string;
  @Column('bigint') failed!: string;
  @Column('bigint') deadLettered!: string;
  @Column('bigint') skipped!: string;
}
