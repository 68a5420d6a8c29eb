import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { DestinationResult } from '../async-destination.js';
import type { AsyncSource, AsyncState } from '../async-invocation-states.js';

/** An accepted invocation, as it is listed: what the function gets and what it answered are read where they are needed, for they may be large. */
@Entity('async_invocation')
export class AsyncInvocationEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('uuid') functionId!: string;
  @Column('text') method!: string;
  @Column('text') path!: string;
  @Column('text') principal!: string;
  @Column('text') source!: AsyncSource;
  @Column('uuid', { nullable: true }) triggerId!: string | null;
  @Column('text', { nullable: true }) triggerName!: string | null;
  @Column('timestamptz', { nullable: true }) dueAt!: Date | null;
  @Column('text') state!: AsyncState;
  @Column('integer') attempts!: number;
  @Column('integer') maxAttempts!: number;
  @Column('timestamptz') nextAttemptAt!: Date;
  @Column('timestamptz') expiresAt!: Date;
  @Column('integer', { nullable: true }) status!: number | null;
  @Column('integer', { nullable: true }) revision!: number | null;
  @Column('text', { nullable: true }) errorCode!: string | null;
  @Column('text', { nullable: true }) errorMessage!: string | null;
  @Column('text', { nullable: true }) resultType!: string | null;
  @Column('integer', { nullable: true }) resultBytes!: number | null;
  @Column('boolean') resultTooLarge!: boolean;
  /** How many invocations led to it, each the destination of the one before. */
  @Column('integer') hops!: number;
  @Column('jsonb', { nullable: true }) destination!: DestinationResult | null;
  @Column('integer') version!: number;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz', { nullable: true }) finishedAt!: Date | null;
}
