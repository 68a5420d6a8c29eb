import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Permission, TenantRole } from '../../../platform/auth/permissions.js';

@Entity('api_key')
export class ApiKeyEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') id!: string;
  /** The key's public 12 hex digits. */
  @Column('text') prefix!: string;
  @Column('text') hash!: string;
  @Column('text') name!: string;
  @Column('text') role!: TenantRole;
  /** What of its role the key has, as it was asked for; null: all of it. */
  @Column('text', { array: true, nullable: true }) scopes!: Permission[] | null;
  @Column('timestamptz', { nullable: true }) expiresAt!: Date | null;
  @Column('timestamptz', { nullable: true }) lastUsedAt!: Date | null;
  @Column('timestamptz', { nullable: true }) revokedAt!: Date | null;
  /** The credential before the present one, all three or none; its end is never beyond the key's own. */
  @Column('text', { nullable: true }) previousPrefix!: string | null;
  @Column('text', { nullable: true }) previousHash!: string | null;
  @Column('timestamptz', { nullable: true }) previousUntil!: Date | null;
  /** Counts rotations, for its entity tag. */
  @Column('integer') version!: number;
  @Column('timestamptz') createdAt!: Date;
}
