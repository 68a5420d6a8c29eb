import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AsyncDestination } from '../async-destination.js';

/** What holds for all asynchronous invocations of one function. */
@Entity('async_policy')
export class AsyncPolicyEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') functionId!: string;
  @Column('integer', { nullable: true }) maxAttempts!: number | null;
  @Column('integer', { nullable: true }) maxAgeSeconds!: number | null;
  @Column('jsonb', { nullable: true }) onSuccess!: AsyncDestination | null;
  @Column('jsonb', { nullable: true }) onFailure!: AsyncDestination | null;
  @Column('integer') version!: number;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz') updatedAt!: Date;
}
