import { Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { DateField, IntField, ListField, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { Node } from '../../../platform/graphql/node.js';
import { TenantMutationInput } from '../../tenants/api/tenant.model.js';
import { MAX_SET_NAME } from '../environment-data.policy.js';
import { DataField } from './data-field.js';

const NAME = 'DNS label, unique among the secrets of its tenant.';
const DATA = 'Environment variables: name to value. Never answered again.';

@ObjectType('Secret', { implements: () => [Node], description: 'A named set of secret environment variables. Its values go into functions and never come out of the API.' })
export class SecretModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @TextField({ description: NAME }) name!: string;
  @IntField({ description: 'Number of the current version; each write makes a new one, with a number that none ever had.' }) version!: number;
  @ListField(() => String, { max: 10_000, description: 'Names of its variables, sorted.' }) keys!: string[];
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField() createdAt!: Date;
  @DateField() updatedAt!: Date;
}

@InputType()
export class CreateSecretBody {
  @TextField({ max: MAX_SET_NAME, description: NAME, example: 'payment-provider' }) name!: string;
  @DataField({ writeOnly: true, description: DATA }) data!: Record<string, string>;
}

@InputType()
export class PutSecretBody {
  @DataField({ writeOnly: true, description: `${DATA} Takes the place of all that was there.` }) data!: Record<string, string>;
}

@InputType()
export class PutSecretInput extends TenantMutationInput {
  @TextField({ max: MAX_SET_NAME, description: NAME }) name!: string;
  @DataField({ writeOnly: true, description: `${DATA} Takes the place of all that was there.` }) data!: Record<string, string>;
}

@InputType()
export class DeleteSecretInput extends TenantMutationInput {
  @TextField({ max: MAX_SET_NAME, description: 'Name or UUID.' }) name!: string;
}

@ObjectType()
export class SecretPayload extends MutationPayload {
  @Field(() => SecretModel, { nullable: true }) secret?: SecretModel;
}
