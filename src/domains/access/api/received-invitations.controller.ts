import { Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../../../platform/audit/audited.js';
import { Caller, RequirePlatform } from '../../../platform/auth/authorization.js';
import type { SystemContext } from '../../../platform/context/context.js';
import { PageQuery, pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { InvitationsService } from '../invitations.service.js';
import { toMemberModel, toReceivedInvitationModel } from './access.mapper.js';
import { ReceivedInvitationModel } from './invitation.model.js';
import { MemberModel } from './member.model.js';

const ReceivedInvitationPage = pageOf(ReceivedInvitationModel, 'ReceivedInvitation');

@ApiTags('access')
@Controller('v1/me/invitations')
export class ReceivedInvitationsController {
  constructor(private readonly invitations: InvitationsService) {}

  @Get()
  @RequirePlatform('authenticated')
  @ApiOkResponse({ type: ReceivedInvitationPage })
  async list(@Caller() caller: SystemContext, @Query() query: PageQuery): Promise<PageBody<ReceivedInvitationModel>> {
    return toPageBody(await this.invitations.received(caller, query.toPage()), toReceivedInvitationModel);
  }

  @Post(':invitation/acceptance')
  @RequirePlatform('authenticated')
  @Audited('invitation.accept')
  @ApiCreatedResponse({ type: MemberModel, description: 'What you are in that tenant now.' })
  async accept(@Caller() caller: SystemContext, @Param('invitation') invitation: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<MemberModel> {
    const member = await this.invitations.accept(caller, invitation);
    void reply.header('location', `/v1/tenants/${member.tenantId}/members/${member.id}`);
    return toMemberModel(member);
  }
}
