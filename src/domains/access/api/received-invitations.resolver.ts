import { Args, ID, Mutation, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { Caller, RequirePlatform } from '../../../platform/auth/authorization.js';
import type { SystemContext } from '../../../platform/context/context.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { InvitationsService } from '../invitations.service.js';
import { toMemberModel } from './access.mapper.js';
import { AcceptInvitationInput, AcceptInvitationPayload, ReceivedInvitationModel } from './invitation.model.js';

/** The person invited has no permission in the tenant yet: what they see is bound to their own address instead. */
@Resolver(() => ReceivedInvitationModel)
export class ReceivedInvitationsResolver {
  constructor(
    private readonly invitations: InvitationsService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Mutation(() => AcceptInvitationPayload)
  @RequirePlatform('authenticated')
  @Audited('invitation.accept')
  acceptInvitation(@Caller() caller: SystemContext, @Args('input') input: AcceptInvitationInput): Promise<AcceptInvitationPayload> {
    return this.mutations.run(caller, 'acceptInvitation', input, async () => ({ member: toMemberModel(await this.invitations.accept(caller, input.invitation)) }));
  }

  @ResolveField(() => ID, { name: 'id' })
  @RequirePlatform('authenticated')
  nodeId(@Parent() invitation: ReceivedInvitationModel): string {
    return encodeGlobalId('ReceivedInvitation', invitation.tenantId, invitation.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequirePlatform('authenticated')
  uuid(@Parent() invitation: ReceivedInvitationModel): string {
    return invitation.id;
  }
}
