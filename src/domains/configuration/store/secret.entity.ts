import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What may be told of a secret: never a value. */
@Entity('secret')
export class SecretEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  /** Names in the current version, sorted. */
  @Column('text', { array: true }) keys!: string[];
  @Column('integer') currentVersion!: number;
  /** Counts changes of the row, for its entity tag. */
  @Column('integer') version!: number;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz') updatedAt!: Date;
}
