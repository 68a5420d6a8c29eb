import { InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { DateField, EnumField, IntField, ListField, TextField } from '../../../platform/graphql/fields.js';
import { TenantMutationInput } from '../../tenants/api/tenant.model.js';
import { MAX_SET_NAME } from '../environment-data.policy.js';
import { SECRET_VERSION_STATES, type SecretVersionState } from '../secret-version-states.js';

@ObjectType('SecretVersion', { description: 'One version of a secret, without its values. The last ten are kept.' })
export class SecretVersionModel {
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @ApiProperty({ format: 'uuid' }) secretId!: string;
  @IntField({ description: '1, 2, 3...: never used again within the secret.' }) number!: number;
  @EnumField('SecretVersionState', SECRET_VERSION_STATES, { description: 'previous: can be made current again; destroyed: its values are gone for good.' }) state!: SecretVersionState;
  @ListField(() => String, { optional: true, max: 10_000, description: 'Names of its variables, sorted; absent where they were not noted.' }) keys?: string[];
  @TextField({ optional: true, description: 'Who wrote it; absent where that was not noted.' }) createdBy?: string;
  @DateField() createdAt!: Date;
  @DateField({ optional: true }) destroyedAt?: Date;
}

@InputType()
export class SecretVersionInput extends TenantMutationInput {
  @TextField({ max: MAX_SET_NAME, description: 'Name or UUID of the secret.' }) name!: string;
  @IntField({ min: 1, description: 'Number of the version.' }) number!: number;
}
