import { Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { PERMISSIONS, TENANT_ROLES, type Permission, type TenantRole } from '../../../platform/auth/permissions.js';
import { connectionOf } from '../../../platform/graphql/connection.js';
import { DateField, EnumField, IntField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { Node } from '../../../platform/graphql/node.js';
import { TenantCreationInput, TenantMutationInput } from '../../tenants/api/tenant.model.js';
import { DEFAULT_OVERLAP_SECONDS, MAX_OVERLAP_SECONDS } from '../access-limits.js';

/** A name is told from an id by its form, so a name must not look like a UUID. */
const KEY_NAME = /^(?![0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$)[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

@ObjectType('ApiKey', { implements: () => [Node], description: 'A machine\'s credential for one tenant.' })
export class ApiKeyModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @TextField({ description: 'Unique among the tenant\'s keys.' }) name!: string;
  @TextField({ description: 'How the key begins: enough to recognise it, useless to guess it.', example: 'fnp_0123456789ab' }) prefix!: string;
  @EnumField('TenantRole', TENANT_ROLES) role!: TenantRole;
  @EnumField('Permission', PERMISSIONS, { list: true, optional: true, description: 'What the role was narrowed to; absent: it was not.' }) scopes?: Permission[];
  @EnumField('Permission', PERMISSIONS, { list: true, description: 'What the key may do: its role, narrowed by its scopes.' }) effectivePermissions!: Permission[];
  @DateField({ optional: true, description: 'Absent: it does not expire.' }) expiresAt?: Date;
  @DateField({ optional: true, description: 'To the minute; absent while it was never used.' }) lastUsedAt?: Date;
  @TextField({ optional: true, description: 'How the credential before the present one begins, while it still works after a rotation.', example: 'fnp_ba9876543210' }) previousPrefix?: string;
  @DateField({ optional: true, description: 'When that one stops working.' }) previousUntil?: Date;
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField() createdAt!: Date;
}

export const ApiKeyConnection = connectionOf(ApiKeyModel, 'ApiKey');

const SHOWN_ONCE = 'The key itself. It is shown this once and kept nowhere.';

/** Answer of the request that made the key, or its new credential. */
export class CreatedApiKeyModel extends ApiKeyModel {
  @ApiProperty({ description: SHOWN_ONCE, example: 'fnp_0123456789ab_...' }) key!: string;
}

@InputType()
export class CreateApiKeyBody {
  @TextField({ pattern: KEY_NAME, patternMessage: 'must be 1 to 63 letters, digits, hyphens, dots and underscores, begin and end with a letter or digit and not be a UUID', max: 63, example: 'ci' }) name!: string;
  @EnumField('TenantRole', TENANT_ROLES, { example: 'developer' }) role!: TenantRole;
  @EnumField('Permission', PERMISSIONS, { list: true, optional: true, min: 1, description: 'Narrows the role to these of its permissions; absent: all of them.' }) scopes?: Permission[];
  @DateField({ optional: true, description: 'When it stops working; absent: never.' }) expiresAt?: Date;
}

@InputType()
export class CreateApiKeyInput extends TenantCreationInput {
  @ObjectField(() => CreateApiKeyBody) apiKey!: CreateApiKeyBody;
}

const OVERLAP = { optional: true, min: 0, max: MAX_OVERLAP_SECONDS, description: `Seconds that the present credential goes on working: ${DEFAULT_OVERLAP_SECONDS} when absent; 0 ends it at once.` };

@InputType()
export class RotateApiKeyBody {
  @IntField(OVERLAP) overlapSeconds?: number;
}

@InputType()
export class RotateApiKeyInput extends TenantMutationInput {
  @TextField({ max: 64, description: 'Name or UUID of the key.' }) apiKey!: string;
  @IntField(OVERLAP) overlapSeconds?: number;
}

@InputType()
export class RevokeApiKeyInput extends TenantMutationInput {
  @TextField({ max: 64, description: 'Name or UUID of the key.' }) apiKey!: string;
}

@ObjectType()
export class CreateApiKeyPayload extends MutationPayload {
  @Field(() => ApiKeyModel, { nullable: true }) apiKey?: ApiKeyModel;
  @Field(() => String, { nullable: true, description: SHOWN_ONCE }) key?: string;
}

@ObjectType()
export class RotateApiKeyPayload extends MutationPayload {
  @Field(() => ApiKeyModel, { nullable: true }) apiKey?: ApiKeyModel;
  @Field(() => String, { nullable: true, description: SHOWN_ONCE }) key?: string;
}

@ObjectType()
export class RevokeApiKeyPayload extends MutationPayload {
  @Field(() => ApiKeyModel, { nullable: true }) apiKey?: ApiKeyModel;
}
