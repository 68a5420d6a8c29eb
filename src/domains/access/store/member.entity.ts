import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TenantRole } from '../../../platform/auth/permissions.js';

@Entity('member')
export class MemberEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') issuer!: string;
  @Column('text') subject!: string;
  @Column('text') role!: TenantRole;
  @Column('integer') version!: number;
  @Column('timestamptz') createdAt!: Date;
}
