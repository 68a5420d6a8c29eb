import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { DirectedType, EventType } from '../event-types.js';

@Entity('platform_event')
export class PlatformEventEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') id!: string;
  /** As Postgres gives it. */
  @Column('bigint') sequence!: string;
  @Column('timestamptz') at!: Date;
  @Column('text') type!: EventType | DirectedType;
  @Column('text') subject!: string;
  @Column('jsonb') data!: Record<string, unknown>;
}
