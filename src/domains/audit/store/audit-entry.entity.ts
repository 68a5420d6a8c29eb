import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AuditResult } from '../audit-result.js';

@Entity('audit_entry')
export class AuditEntryEntity {
  @PrimaryColumn('uuid') id!: string;
  /** Null: an entry of the platform as a whole. */
  @Column('uuid', { nullable: true }) tenantId!: string | null;
  @Column('timestamptz') at!: Date;
  @Column('text') principal!: string;
  @Column('text') action!: string;
  @Column('text') targetKind!: string;
  @Column('text') targetId!: string;
  @Column('text') targetName!: string;
  @Column('text') requestId!: string;
  @Column('text') result!: AuditResult;
  /** Why it was refused. */
  @Column('text', { nullable: true }) code!: string | null;
  @Column('text', { nullable: true }) beforeHash!: string | null;
  @Column('text', { nullable: true }) afterHash!: string | null;
}
