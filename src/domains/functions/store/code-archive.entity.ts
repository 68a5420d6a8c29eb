import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ArchiveFormat } from '../../../platform/archives/source-archive.js';

@Entity('code_archive')
export class CodeArchiveEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  /** SHA-256 of the archive as it was uploaded, hex. */
  @PrimaryColumn('text') digest!: string;
  @Column('text') format!: ArchiveFormat;
  @Column('integer') sizeBytes!: number;
  /** Read by itself only where it is unpacked: up to 20 MiB. */
  @Column('bytea', { select: false }) content?: Buffer;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz') usedAt!: Date;
}
