import { ArgsType, Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { TENANT_ROLES, type TenantRole } from '../../../platform/auth/permissions.js';
import { ConnectionArgs, connectionOf } from '../../../platform/graphql/connection.js';
import { DateField, EnumField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { Node } from '../../../platform/graphql/node.js';
import { PageQuery } from '../../../platform/rest/paging.js';
import { TenantCreationInput, TenantMutationInput } from '../../tenants/api/tenant.model.js';
import { MAX_ISSUER_LENGTH, MAX_SUBJECT_LENGTH } from '../access-limits.js';

const ISSUER = 'The `iss` of the person\'s tokens.';
const SUBJECT = 'The `sub` of the person\'s tokens.';

@ObjectType('Member', { implements: () => [Node], description: 'A person with a role in a tenant.' })
export class MemberModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @TextField({ description: ISSUER }) issuer!: string;
  @TextField({ description: SUBJECT }) subject!: string;
  @EnumField('TenantRole', TENANT_ROLES) role!: TenantRole;
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField() createdAt!: Date;
}

export const MemberConnection = connectionOf(MemberModel, 'Member');

@InputType()
export class AddMemberBody {
  @TextField({ min: 1, max: MAX_ISSUER_LENGTH, description: ISSUER }) issuer!: string;
  @TextField({ min: 1, max: MAX_SUBJECT_LENGTH, description: SUBJECT }) subject!: string;
  @EnumField('TenantRole', TENANT_ROLES) role!: TenantRole;
}

@InputType()
export class ChangeMemberBody {
  @EnumField('TenantRole', TENANT_ROLES) role!: TenantRole;
}

export class MemberPageQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'Only of exactly this issuer.', maxLength: MAX_ISSUER_LENGTH })
  @IsOptional() @IsString() @MaxLength(MAX_ISSUER_LENGTH)
  issuer?: string;

  @ApiPropertyOptional({ description: 'Only with exactly this subject.', maxLength: MAX_SUBJECT_LENGTH })
  @IsOptional() @IsString() @MaxLength(MAX_SUBJECT_LENGTH)
  subject?: string;
}

@ArgsType()
export class MemberConnectionArgs extends ConnectionArgs {
  @TextField({ optional: true, nullable: true, max: MAX_ISSUER_LENGTH, description: 'Only of exactly this issuer.' }) issuer?: string | null;
  @TextField({ optional: true, nullable: true, max: MAX_SUBJECT_LENGTH, description: 'Only with exactly this subject.' }) subject?: string | null;
}

@ArgsType()
export class TenantMembersArgs extends MemberConnectionArgs {
  @TextField({ max: 64, description: 'Name or UUID of the tenant.' }) tenant!: string;
}

@InputType()
export class AddMemberInput extends TenantCreationInput {
  @ObjectField(() => AddMemberBody) member!: AddMemberBody;
}

@InputType()
export class ChangeMemberInput extends TenantMutationInput {
  @TextField({ max: 64, description: 'UUID of the member.' }) member!: string;
  @ObjectField(() => ChangeMemberBody) change!: ChangeMemberBody;
}

@InputType()
export class RemoveMemberInput extends TenantMutationInput {
  @TextField({ max: 64, description: 'UUID of the member.' }) member!: string;
}

@ObjectType()
export class MemberPayload extends MutationPayload {
  @Field(() => MemberModel, { nullable: true }) member?: MemberModel;
}
