import { Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { DateField, IntField, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { Node } from '../../../platform/graphql/node.js';
import { TenantMutationInput } from '../../tenants/api/tenant.model.js';
import { MAX_SET_NAME } from '../environment-data.policy.js';
import { DataField } from './data-field.js';

const NAME = 'DNS label, unique among the config sets of its tenant.';
const DATA = 'Environment variables: name to value.';

@ObjectType('ConfigSet', { implements: () => [Node], description: 'A named set of environment variables that functions use.' })
export class ConfigSetModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @TextField({ description: NAME }) name!: string;
  @DataField({ description: DATA }) data!: Record<string, string>;
  @IntField({ description: 'Rises with each change.' }) version!: number;
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField() createdAt!: Date;
  @DateField() updatedAt!: Date;
}

@InputType()
export class CreateConfigSetBody {
  @TextField({ max: MAX_SET_NAME, description: NAME, example: 'settings' }) name!: string;
  @DataField({ description: DATA }) data!: Record<string, string>;
}

@InputType()
export class PutConfigSetBody {
  @DataField({ description: `${DATA} Takes the place of all that was there.` }) data!: Record<string, string>;
}

@InputType()
export class ChangeConfigSetBody {
  @DataField({ optional: true, nullValues: true, description: 'Merge patch: null removes a variable, absent ones stay.' }) data?: Record<string, string | null>;
}

@InputType()
export class PutConfigSetInput extends TenantMutationInput {
  @TextField({ max: MAX_SET_NAME, description: NAME }) name!: string;
  @DataField({ description: `${DATA} Takes the place of all that was there.` }) data!: Record<string, string>;
}

@InputType()
export class ChangeConfigSetInput extends TenantMutationInput {
  @TextField({ max: MAX_SET_NAME, description: 'Name or UUID.' }) name!: string;
  @DataField({ optional: true, nullValues: true, description: 'Merge patch: null removes a variable, absent ones stay.' }) data?: Record<string, string | null>;
}

@InputType()
export class DeleteConfigSetInput extends TenantMutationInput {
  @TextField({ max: MAX_SET_NAME, description: 'Name or UUID.' }) name!: string;
}

@ObjectType()
export class ConfigSetPayload extends MutationPayload {
  @Field(() => ConfigSetModel, { nullable: true }) configSet?: ConfigSetModel;
}
