import { Entity, PrimaryColumn } from 'typeorm';
import type { RevisionReference } from '../function-body.js';

/** Which revision uses what: finds users of a configuration set, a secret or an archive without reading specs. */
@Entity('revision_reference')
export class RevisionReferenceEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('text') kind!: RevisionReference['kind'];
  @PrimaryColumn('text') name!: string;
  @PrimaryColumn('uuid') functionId!: string;
  @PrimaryColumn('integer') number!: number;
}
