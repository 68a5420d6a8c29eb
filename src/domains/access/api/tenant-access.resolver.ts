import { Args, ResolveField, Resolver } from '@nestjs/graphql';
import { RequireParent, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { NamedConnectionArgs, TenantModel } from '../../tenants/api/tenant.model.js';
import { ApiKeysService } from '../api-keys.service.js';
import { InvitationsService } from '../invitations.service.js';
import { MembersService } from '../members.service.js';
import { toApiKeyModel, toInvitationModel, toMemberModel } from './access.mapper.js';
import { ApiKeyConnection, type ApiKeyModel } from './api-key.model.js';
import { InvitationConnection, InvitationConnectionArgs, type InvitationModel } from './invitation.model.js';
import { MemberConnection, MemberConnectionArgs, type MemberModel } from './member.model.js';

/** What a tenant shows of its members, invitations and keys. */
@Resolver(() => TenantModel)
export class TenantAccessResolver {
  constructor(
    private readonly memberships: MembersService,
    private readonly keys: ApiKeysService,
    private readonly open: InvitationsService,
  ) {}

  @ResolveField(() => MemberConnection)
  @RequireParent('members:read')
  async members(@Tenant() context: TenantContext, @Args() args: MemberConnectionArgs): Promise<Connection<MemberModel>> {
    return toConnection(await this.memberships.list(context, args.toPage(), { issuer: args.issuer ?? undefined, subject: args.subject ?? undefined }), args, toMemberModel);
  }

  @ResolveField(() => InvitationConnection)
  @RequireParent('members:read')
  async invitations(@Tenant() context: TenantContext, @Args() args: InvitationConnectionArgs): Promise<Connection<InvitationModel>> {
    return toConnection(await this.open.list(context, args.toPage(), args.email ?? undefined), args, toInvitationModel);
  }

  @ResolveField(() => ApiKeyConnection)
  @RequireParent('keys:read')
  async apiKeys(@Tenant() context: TenantContext, @Args() args: NamedConnectionArgs): Promise<Connection<ApiKeyModel>> {
    return toConnection(await this.keys.list(context, args.toPage(), args.name ?? undefined), args, toApiKeyModel);
  }

  @ResolveField(() => [String], { description: 'What you may do in this tenant.' })
  @RequireParent('tenant:read')
  viewerPermissions(@Tenant() context: TenantContext): string[] {
    return [...context.permissions].sort();
  }
}
