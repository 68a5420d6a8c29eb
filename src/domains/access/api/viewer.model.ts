import { ObjectType } from '@nestjs/graphql';
import { PLATFORM_ROLES, type PlatformRole } from '../../../platform/auth/permissions.js';
import { EnumField, ListField, TextField } from '../../../platform/graphql/fields.js';

@ObjectType('Viewer', { description: 'Who is asking.' })
export class ViewerModel {
  @EnumField('PrincipalKind', ['user', 'api-key']) kind!: 'user' | 'api-key';
  @TextField({ description: 'Issuer of the token; `fnplane` for API keys.' }) issuer!: string;
  @TextField({ description: 'Subject of the token; the UUID of an API key.' }) subject!: string;
  @TextField({ optional: true, description: 'Address the issuer verified: invitations to it can be accepted. Absent where the issuer tells none.' }) email?: string;
  @EnumField('PlatformRole', PLATFORM_ROLES, { list: true, description: 'Roles on the platform as a whole.' }) platformRoles!: PlatformRole[];
  @ListField(() => String, { description: 'What those roles, and being signed in, allow on the platform as a whole.' }) platformPermissions!: string[];
  @TextField({ optional: true, description: 'UUID of the one tenant an API key belongs to; absent for people.' }) tenantId?: string;
}
