import { Args, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Caller, RequirePlatform } from '../../../platform/auth/authorization.js';
import type { SystemContext } from '../../../platform/context/context.js';
import { ConnectionArgs, toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { InvitationsService } from '../invitations.service.js';
import { toReceivedInvitationModel, toViewerModel } from './access.mapper.js';
import { ReceivedInvitationConnection, type ReceivedInvitationModel } from './invitation.model.js';
import { ViewerModel } from './viewer.model.js';

@Resolver(() => ViewerModel)
export class ViewerResolver {
  constructor(private readonly open: InvitationsService) {}

  @Query(() => ViewerModel, { description: 'Who is asking.' })
  @RequirePlatform('authenticated')
  viewer(@Caller() caller: SystemContext): ViewerModel {
    return toViewerModel(caller.principal);
  }

  @ResolveField(() => ReceivedInvitationConnection, { description: 'Invitations to your verified e-mail address.' })
  @RequirePlatform('authenticated')
  async invitations(@Caller() caller: SystemContext, @Args() args: ConnectionArgs): Promise<Connection<ReceivedInvitationModel>> {
    return toConnection(await this.open.received(caller, args.toPage()), args, toReceivedInvitationModel);
  }
}
