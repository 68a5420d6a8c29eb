import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { SecretVersions } from '../../configuration/environment.service.js';
import type { EffectiveRevision, RevisionBody } from '../function-body.js';
import type { BuildState } from '../function-states.js';

@Entity('revision')
export class RevisionEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') functionId!: string;
  @PrimaryColumn('integer') number!: number;
  @Column('jsonb') spec!: RevisionBody;
  @Column('jsonb') effective!: EffectiveRevision;
  @Column('text') buildState!: BuildState;
  @Column('text', { nullable: true }) buildError!: string | null;
  /** By digest, once it is built or looked up. */
  @Column('text', { nullable: true }) image!: string | null;
  /** Of the secrets it names, when it was deployed. */
  @Column('jsonb') secretVersions!: SecretVersions;
  /** Stays when the history is cut. */
  @Column('boolean') pinned!: boolean;
  @Column('text') createdBy!: string;
  @Column('timestamptz') createdAt!: Date;
}
