import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One try to deliver one event. */
@Entity('webhook_delivery')
export class WebhookDeliveryEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') webhookId!: string;
  /** As Postgres gives it. */
  @PrimaryColumn('bigint') number!: string;
  @Column('uuid') eventId!: string;
  @Column('text') eventType!: string;
  @Column('integer') attempt!: number;
  @Column('timestamptz') at!: Date;
  @Column('integer') durationMs!: number;
  @Column('boolean') delivered!: boolean;
  @Column('integer', { nullable: true }) status!: number | null;
  @Column('text', { nullable: true }) errorCode!: string | null;
  @Column('text', { nullable: true }) errorMessage!: string | null;
}
