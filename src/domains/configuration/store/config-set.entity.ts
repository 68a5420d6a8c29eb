import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A named set of plain environment variables. */
@Entity('config_set')
export class ConfigSetEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('jsonb') data!: Record<string, string>;
  @Column('integer') version!: number;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz') updatedAt!: Date;
}
