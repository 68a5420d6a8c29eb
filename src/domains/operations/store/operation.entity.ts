import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { OperationState } from '../operation-state.js';


@Entity('operation')
export class OperationEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('uuid') tenantId!: string;
  @Column('text') kind!: string;
  @Column('text') targetKind!: string;
  @Column('uuid') targetId!: string;
  @Column('text') targetName!: string;
  @Column('integer') generation!: number;
  @Column('text') state!: OperationState;
  @Column('text', { nullable: true }) reason!: string | null;
  @Column('text', { nullable: true }) message!: string | null;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz', { nullable: true }) finishedAt!: Date | null;
}
