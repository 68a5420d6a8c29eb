import { ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { DateField, EnumField, IntField, TextField } from '../../../platform/graphql/fields.js';
import { Node } from '../../../platform/graphql/node.js';
import { OPERATION_STATES, type OperationState } from '../operation-state.js';

@ObjectType('Operation', { implements: () => [Node], description: 'Work that goes on after a request was accepted.' })
export class OperationModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @TextField({ description: 'What is done: `function.deploy`, `tenant.delete`...' }) kind!: string;
  @TextField() targetKind!: string;
  @TextField() targetName!: string;
  @TextField({ format: 'uuid' }) targetId!: string;
  @IntField({ description: 'Generation of the target this works towards.' }) generation!: number;
  @EnumField('OperationState', OPERATION_STATES) state!: OperationState;
  @TextField({ optional: true, description: 'Why it ended as it did, as one word.' }) reason?: string;
  @TextField({ optional: true, max: 4000 }) message?: string;
  @DateField() createdAt!: Date;
  @DateField({ optional: true }) finishedAt?: Date;
}
