import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A step of a counter, booked once. Whole numbers come as text: they may pass what a JavaScript number holds. */
@Entity('usage_record')
export class UsageRecordEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('uuid') tenantId!: string;
  @Column('uuid') functionId!: string;
  @Column('text') functionName!: string;
  @Column('integer') revision!: number;
  @Column('text') cluster!: string;
  @Column('text') dedupeKey!: string;
  @Column('bigint') invocations!: string;
  @Column('bigint') billedMs!: string;
  @Column('numeric') mbMs!: string;
  @Column('numeric') cpuMilliMs!: string;
  @Column('bigint') requestBytes!: string;
  @Column('bigint') responseBytes!: string;
  @Column('timestamptz') occurredAt!: Date;
  @Column('timestamptz') recordedAt!: Date;
}
