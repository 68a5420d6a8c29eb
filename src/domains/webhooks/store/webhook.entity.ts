import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { DestinationOutcome, EndedReason } from '../webhook-states.js';

/** An address that is told of events. */
@Entity('webhook')
export class WebhookEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') id!: string;
  /** Null: a destination of asynchronous invocations. */
  @Column('text', { nullable: true }) name!: string | null;
  /** Whose destination, and of which outcome; null: a webhook of its own. */
  @Column('uuid', { nullable: true }) functionId!: string | null;
  @Column('text', { nullable: true }) outcome!: DestinationOutcome | null;
  @Column('text') url!: string;
  /** Null: all. */
  @Column('text', { array: true, nullable: true }) events!: string[] | null;
  @Column('boolean') disabled!: boolean;
  @Column('text', { nullable: true }) ended!: EndedReason | null;
  @Column('timestamptz', { nullable: true }) endedAt!: Date | null;
  /** As Postgres gives it. */
  @Column('bigint') cursor!: string;
  @Column('integer') failures!: number;
  @Column('timestamptz', { nullable: true }) failingSince!: Date | null;
  @Column('timestamptz', { nullable: true }) nextAttemptAt!: Date | null;
  @Column('bigint') deliveries!: string;
  @Column('integer') version!: number;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz') updatedAt!: Date;
}
