import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Meter } from '../meters.js';

/** Decimal numbers come as text and stay text: money is never a float. */
@Entity('price')
export class PriceEntity {
  @PrimaryColumn('text') plan!: string;
  @PrimaryColumn('text') meter!: Meter;
  @Column('numeric') amount!: string;
  @Column('numeric') per!: string;
  @Column('numeric') freeAllowance!: string;
}
