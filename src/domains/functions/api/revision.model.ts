import { Field, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { METERING_SOURCES, type MeteringSource } from '../../../contract/function-resource.js';
import { BoolField, DateField, EnumField, IntField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { BUILD_STATES, type BuildState } from '../function-states.js';
import { ResourcesModel, SecretDeliveryModel, WholeRevisionFields } from './function-fields.model.js';

@ObjectType('EffectiveRevision', { description: 'What is in force in a revision; it never changes.' })
export class EffectiveRevisionModel {
  @TextField({ optional: true }) handler?: string;
  @ObjectField(() => ResourcesModel) resources!: ResourcesModel;
  @IntField() timeoutSeconds!: number;
  @IntField() concurrency!: number;
  @EnumField('FunctionMetering', METERING_SOURCES) metering!: MeteringSource;
  @ObjectField(() => SecretDeliveryModel) secretDelivery!: SecretDeliveryModel;
  @TextField({ optional: true, max: 512, description: 'Image by digest, once it is built or looked up.' }) image?: string;
}

@ObjectType('Revision', { description: 'One state of a function that was asked for; never changed afterwards, but for the pin.' })
export class RevisionModel extends WholeRevisionFields {
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @ApiProperty({ format: 'uuid' }) functionId!: string;
  @IntField({ description: '1, 2, 3...: never used again.' }) number!: number;
  @ObjectField(() => EffectiveRevisionModel) effective!: EffectiveRevisionModel;
  @EnumField('BuildState', BUILD_STATES) buildState!: BuildState;
  @TextField({ optional: true, max: 4000, description: 'Why there is no image.' }) buildError?: string;
  @BoolField({ description: 'It stays when the history is cut.' }) pinned!: boolean;
  @TextField({ description: 'Who asked for it.' }) createdBy!: string;
  @DateField() createdAt!: Date;
}

@ObjectType()
export class RevisionPayload extends MutationPayload {
  @Field(() => RevisionModel, { nullable: true }) revision?: RevisionModel;
}
