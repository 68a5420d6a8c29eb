import { ArgsType, Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { EMAIL, MAX_EMAIL_LENGTH } from '../../../platform/auth/email.policy.js';
import { TENANT_ROLES, type TenantRole } from '../../../platform/auth/permissions.js';
import { ConnectionArgs, connectionOf } from '../../../platform/graphql/connection.js';
import { DateField, EnumField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MutationInput, MutationPayload } from '../../../platform/graphql/mutation.js';
import { PageQuery } from '../../../platform/rest/paging.js';
import { TenantCreationInput, TenantMutationInput } from '../../tenants/api/tenant.model.js';
import { MOST_INVITATION_DAYS } from '../invitation-expiry.policy.js';
import { MemberModel } from './member.model.js';

const ONLY_TO = 'Only the one to exactly this address, in any case.';

@ObjectType('Invitation', { description: 'An offer of membership to a person known by e-mail address only.' })
export class InvitationModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @TextField({ description: 'Name of the tenant.' }) tenantName!: string;
  @TextField({ max: MAX_EMAIL_LENGTH, description: 'In lower case.' }) email!: string;
  @EnumField('TenantRole', TENANT_ROLES) role!: TenantRole;
  @TextField({ max: 600, description: 'Who made it, as the audit log names them.' }) invitedBy!: string;
  @DateField({ description: 'After this nobody sees or accepts it.' }) expiresAt!: Date;
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField() createdAt!: Date;
}

@ObjectType('ReceivedInvitation', { description: 'An invitation, as the person it is for sees it.' })
export class ReceivedInvitationModel extends InvitationModel {}

export const InvitationConnection = connectionOf(InvitationModel, 'Invitation');
export const ReceivedInvitationConnection = connectionOf(ReceivedInvitationModel, 'ReceivedInvitation');

@InputType()
export class InviteMemberBody {
  @TextField({ pattern: EMAIL, patternMessage: 'must be an e-mail address in ASCII', max: MAX_EMAIL_LENGTH, description: 'Of the person; upper and lower case are the same.' }) email!: string;
  @EnumField('TenantRole', TENANT_ROLES) role!: TenantRole;
  @DateField({ optional: true, description: `Within ${MOST_INVITATION_DAYS} days; in a week when absent.` }) expiresAt?: Date;
}

export class InvitationPageQuery extends PageQuery {
  @ApiPropertyOptional({ description: ONLY_TO, maxLength: MAX_EMAIL_LENGTH })
  @IsOptional() @IsString() @MaxLength(MAX_EMAIL_LENGTH)
  email?: string;
}

@ArgsType()
export class InvitationConnectionArgs extends ConnectionArgs {
  @TextField({ optional: true, nullable: true, max: MAX_EMAIL_LENGTH, description: ONLY_TO }) email?: string | null;
}

@ArgsType()
export class TenantInvitationsArgs extends InvitationConnectionArgs {
  @TextField({ max: 64, description: 'Name or UUID of the tenant.' }) tenant!: string;
}

@InputType()
export class InviteMemberInput extends TenantCreationInput {
  @ObjectField(() => InviteMemberBody) invitation!: InviteMemberBody;
}

@InputType()
export class WithdrawInvitationInput extends TenantMutationInput {
  @TextField({ max: 64, description: 'UUID of the invitation.' }) invitation!: string;
}

@InputType()
export class AcceptInvitationInput extends MutationInput {
  @TextField({ max: 64, description: 'UUID of an invitation to you.' }) invitation!: string;
}

@ObjectType()
export class InvitationPayload extends MutationPayload {
  @Field(() => InvitationModel, { nullable: true }) invitation?: InvitationModel;
}

@ObjectType()
export class AcceptInvitationPayload extends MutationPayload {
  @Field(() => MemberModel, { nullable: true, description: 'What you are now.' }) member?: MemberModel;
}
