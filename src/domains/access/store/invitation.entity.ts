import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TenantRole } from '../../../platform/auth/permissions.js';

@Entity('invitation')
export class InvitationEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') tenantName!: string;
  @Column('text') email!: string;
  @Column('text') role!: TenantRole;
  @Column('text') invitedBy!: string;
  @Column('timestamptz') expiresAt!: Date;
  @Column('timestamptz') createdAt!: Date;
}
