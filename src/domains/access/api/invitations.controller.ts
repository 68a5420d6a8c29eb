import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { InvitationsService } from '../invitations.service.js';
import { toInvitationModel } from './access.mapper.js';
import { InvitationModel, InvitationPageQuery, InviteMemberBody } from './invitation.model.js';

const InvitationPage = pageOf(InvitationModel, 'Invitation');

@ApiTags('access')
@Controller('v1/tenants/:tenant/invitations')
export class InvitationsController {
  constructor(private readonly invitations: InvitationsService) {}

  @Post()
  @RequireTenant('members:manage')
  @Audited('invitation.create')
  @ApiCreatedResponse({ type: InvitationModel })
  async invite(@Tenant() context: TenantContext, @Body() body: InviteMemberBody, @Res({ passthrough: true }) reply: FastifyReply): Promise<InvitationModel> {
    const invitation = await this.invitations.invite(context, body);
    void reply.header('location', `/v1/tenants/${context.tenantName}/invitations/${invitation.id}`);
    return toInvitationModel(invitation);
  }

  @Get()
  @RequireTenant('members:read')
  @ApiOkResponse({ type: InvitationPage })
  async list(@Tenant() context: TenantContext, @Query() query: InvitationPageQuery): Promise<PageBody<InvitationModel>> {
    return toPageBody(await this.invitations.list(context, query.toPage(), query.email), toInvitationModel);
  }

  @Get(':invitation')
  @RequireTenant('members:read')
  @ApiOkResponse({ type: InvitationModel })
  async get(@Tenant() context: TenantContext, @Param('invitation') invitation: string): Promise<InvitationModel> {
    return toInvitationModel(await this.invitations.get(context, invitation));
  }

  @Delete(':invitation')
  @HttpCode(204)
  @RequireTenant('members:manage')
  @Audited('invitation.withdraw')
  @ApiNoContentResponse()
  @ETAG_HEADER
  async withdraw(@Tenant() context: TenantContext, @Param('invitation') invitation: string, @IfMatch() expected: ExpectedEtag): Promise<void> {
    await this.invitations.withdraw(context, invitation, expected);
  }
}
