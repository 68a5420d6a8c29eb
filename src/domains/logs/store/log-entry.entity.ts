import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { LogLevel } from '../log-levels.js';

/** Something a function printed. */
@Entity('log_entry')
export class LogEntryEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  /** In the order of collection, counted from 1 in each tenant. */
  @PrimaryColumn('bigint') position!: string;
  @Column('uuid') functionId!: string;
  @Column('integer') revision!: number;
  @Column('text') cluster!: string;
  @Column('text') pod!: string;
  @Column('timestamptz') time!: Date;
  @Column('text', { nullable: true }) level!: LogLevel | null;
  @Column('text', { nullable: true }) requestId!: string | null;
  @Column('text') message!: string;
  /** JSON as text. */
  @Column('text', { nullable: true }) fields!: string | null;
}
