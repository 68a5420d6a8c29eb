import { ApiProperty } from '@nestjs/swagger';
import { ARCHIVE_FORMATS, type ArchiveFormat } from '../../../platform/archives/source-archive.js';
import type { CodeArchiveEntity } from '../store/code-archive.entity.js';

/** Metadata of an uploaded archive: REST only, as uploads are. */
export class CodeModel {
  @ApiProperty({ description: 'SHA-256 of the archive, hex.' }) digest!: string;
  @ApiProperty({ enum: [...ARCHIVE_FORMATS] }) format!: ArchiveFormat;
  @ApiProperty({ type: 'integer' }) sizeBytes!: number;
  @ApiProperty({ format: 'date-time' }) createdAt!: Date;
}

export function toCodeModel({ digest, format, sizeBytes, createdAt }: CodeArchiveEntity): CodeModel {
  return Object.assign(new CodeModel(), { digest, format, sizeBytes, createdAt });
}
