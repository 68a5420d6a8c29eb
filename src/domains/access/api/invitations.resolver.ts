import { Args, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireParent, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { InvitationsService } from '../invitations.service.js';
import { toInvitationModel } from './access.mapper.js';
import { InvitationConnection, InvitationModel, InvitationPayload, InviteMemberInput, TenantInvitationsArgs, WithdrawInvitationInput } from './invitation.model.js';

@Resolver(() => InvitationModel)
export class InvitationsResolver {
  constructor(
    private readonly invitations: InvitationsService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Query(() => InvitationModel, { description: 'One open invitation, by its UUID.' })
  @RequireTenant('members:read')
  async invitation(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('invitation') invitation: string): Promise<InvitationModel> {
    return toInvitationModel(await this.invitations.get(context, invitation));
  }

  @Query(() => InvitationConnection, { name: 'invitations' })
  @RequireTenant('members:read')
  async list(@Tenant() context: TenantContext, @Args() args: TenantInvitationsArgs): Promise<Connection<InvitationModel>> {
    return toConnection(await this.invitations.list(context, args.toPage(), args.email ?? undefined), args, toInvitationModel);
  }

  @Mutation(() => InvitationPayload)
  @RequireTenant('members:manage')
  @Audited('invitation.create')
  inviteMember(@Tenant() context: TenantContext, @Args('input') input: InviteMemberInput): Promise<InvitationPayload> {
    return this.mutations.run(context, 'inviteMember', input, async () => ({ invitation: toInvitationModel(await this.invitations.invite(context, input.invitation)) }));
  }

  @Mutation(() => InvitationPayload)
  @RequireTenant('members:manage')
  @Audited('invitation.withdraw')
  withdrawInvitation(@Tenant() context: TenantContext, @Args('input') input: WithdrawInvitationInput): Promise<InvitationPayload> {
    return this.mutations.run(context, 'withdrawInvitation', input, async () => ({ invitation: toInvitationModel(await this.invitations.withdraw(context, input.invitation, input.ifMatch)) }));
  }

  @ResolveField(() => ID, { name: 'id' })
  @RequireParent('members:read')
  nodeId(@Parent() invitation: InvitationModel): string {
    return encodeGlobalId('Invitation', invitation.tenantId, invitation.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequireParent('members:read')
  uuid(@Parent() invitation: InvitationModel): string {
    return invitation.id;
  }
}
