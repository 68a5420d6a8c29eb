import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The values of one version, sealed as one JSON object. The three sealed columns are null once it is destroyed: read them of versions that are not. */
@Entity('secret_version')
export class SecretVersionEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') secretId!: string;
  @PrimaryColumn('integer') number!: number;
  @Column('text', { nullable: true }) keyId!: string;
  @Column('bytea', { nullable: true }) wrappedKey!: Buffer;
  @Column('bytea', { nullable: true }) sealed!: Buffer;
  /** Names of its values, sorted; null of versions that were superseded before names were noted. */
  @Column('text', { array: true, nullable: true }) keys!: string[] | null;
  @Column('text', { nullable: true }) createdBy!: string | null;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz', { nullable: true }) destroyedAt!: Date | null;
}
