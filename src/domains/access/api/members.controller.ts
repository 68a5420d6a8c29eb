import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { MembersService } from '../members.service.js';
import { toMemberModel } from './access.mapper.js';
import { AddMemberBody, ChangeMemberBody, MemberModel, MemberPageQuery } from './member.model.js';

const MemberPage = pageOf(MemberModel, 'Member');

@ApiTags('access')
@Controller('v1/tenants/:tenant/members')
export class MembersController {
  constructor(private readonly members: MembersService) {}

  @Post()
  @RequireTenant('members:manage')
  @Audited('member.add')
  @ApiCreatedResponse({ type: MemberModel })
  async add(@Tenant() context: TenantContext, @Body() body: AddMemberBody, @Res({ passthrough: true }) reply: FastifyReply): Promise<MemberModel> {
    const member = await this.members.add(context, body);
    void reply.header('location', `/v1/tenants/${context.tenantName}/members/${member.id}`);
    return toMemberModel(member);
  }

  @Get()
  @RequireTenant('members:read')
  @ApiOkResponse({ type: MemberPage })
  async list(@Tenant() context: TenantContext, @Query() query: MemberPageQuery): Promise<PageBody<MemberModel>> {
    return toPageBody(await this.members.list(context, query.toPage(), { issuer: query.issuer, subject: query.subject }), toMemberModel);
  }

  @Get(':member')
  @RequireTenant('members:read')
  @ApiOkResponse({ type: MemberModel })
  async get(@Tenant() context: TenantContext, @Param('member') member: string): Promise<MemberModel> {
    return toMemberModel(await this.members.get(context, member));
  }

  @Patch(':member')
  @RequireTenant('members:manage')
  @Audited('member.change')
  @ApiOkResponse({ type: MemberModel })
  @ETAG_HEADER
  async change(@Tenant() context: TenantContext, @Param('member') member: string, @IfMatch() expected: ExpectedEtag, @Body() body: ChangeMemberBody): Promise<MemberModel> {
    return toMemberModel(await this.members.change(context, member, body.role, expected));
  }

  @Delete(':member')
  @HttpCode(204)
  @RequireTenant('members:manage')
  @Audited('member.remove')
  @ApiNoContentResponse()
  @ETAG_HEADER
  async remove(@Tenant() context: TenantContext, @Param('member') member: string, @IfMatch() expected: ExpectedEtag): Promise<void> {
    await this.members.remove(context, member, expected);
  }
}
