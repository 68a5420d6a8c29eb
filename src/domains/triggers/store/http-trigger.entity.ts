import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { PathMatch } from '../../../contract/triggers.js';
import type { HttpTriggerBody } from '../trigger-body.js';

/** A host and path at which a function answers. */
@Entity('http_trigger')
export class HttpTriggerEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('uuid') functionId!: string;
  @Column('text') host!: string;
  @Column('text') pathType!: PathMatch;
  @Column('text') path!: string;
  @Column('jsonb') settings!: Omit<HttpTriggerBody, 'host' | 'path'>;
  @Column('boolean') throughGateway!: boolean;
  @Column('integer') version!: number;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz') updatedAt!: Date;
}
