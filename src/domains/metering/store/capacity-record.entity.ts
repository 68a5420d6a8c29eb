import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { CapacityUse } from '../capacity.js';

/** What one pod was kept ready in one window. Whole numbers come as text: they may pass what a JavaScript number holds. */
@Entity('capacity_record')
export class CapacityRecordEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('uuid') tenantId!: string;
  @Column('text') use!: CapacityUse;
  @Column('uuid', { nullable: true }) functionId!: string | null;
  @Column('text', { nullable: true }) functionName!: string | null;
  @Column('integer', { nullable: true }) revision!: number | null;
  @Column('text', { nullable: true }) runtime!: string | null;
  @Column('text') cluster!: string;
  @Column('text') podUid!: string;
  @Column('timestamptz') windowAt!: Date;
  @Column('bigint') ms!: string;
  @Column('numeric') mbMs!: string;
  @Column('numeric') cpuMilliMs!: string;
  @Column('timestamptz') occurredAt!: Date;
  @Column('timestamptz') recordedAt!: Date;
}
