import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { NamedPageQuery, pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { TriggersService } from '../triggers.service.js';
import { toTriggerBody, toTriggerModel, toTriggerPatch } from './trigger.mapper.js';
import { CreateTriggerBody, TriggerModel, TriggerPatchBody } from './trigger.model.js';

const TriggerPage = pageOf(TriggerModel, 'Trigger');

@ApiTags('triggers')
@Controller('v1/tenants/:tenant/triggers')
export class TriggersController {
  constructor(private readonly triggers: TriggersService) {}

  @Post()
  @RequireTenant('functions:deploy')
  @Audited('trigger.create')
  @ApiCreatedResponse({ type: TriggerModel })
  async create(@Tenant() context: TenantContext, @Body() body: CreateTriggerBody, @Res({ passthrough: true }) reply: FastifyReply): Promise<TriggerModel> {
    const trigger = await this.triggers.create(context, toTriggerBody(body));
    void reply.header('location', `/v1/tenants/${context.tenantName}/triggers/${trigger.name}`);
    return toTriggerModel(trigger);
  }

  @Get()
  @RequireTenant('functions:read')
  @ApiOkResponse({ type: TriggerPage })
  async list(@Tenant() context: TenantContext, @Query() query: NamedPageQuery): Promise<PageBody<TriggerModel>> {
    return toPageBody(await this.triggers.list(context, query.toPage(), query.name), toTriggerModel);
  }

  @Get(':trigger')
  @RequireTenant('functions:read')
  @ApiOkResponse({ type: TriggerModel })
  async get(@Tenant() context: TenantContext, @Param('trigger') trigger: string): Promise<TriggerModel> {
    return toTriggerModel(await this.triggers.get(context, trigger));
  }

  @Patch(':trigger')
  @RequireTenant('functions:deploy')
  @Audited('trigger.update')
  @ApiOkResponse({ type: TriggerModel })
  @ETAG_HEADER
  async patch(@Tenant() context: TenantContext, @Param('trigger') trigger: string, @IfMatch() expected: ExpectedEtag, @Body() body: TriggerPatchBody): Promise<TriggerModel> {
    return toTriggerModel(await this.triggers.patch(context, trigger, toTriggerPatch(body), expected));
  }

  @Delete(':trigger')
  @HttpCode(204)
  @RequireTenant('functions:deploy')
  @Audited('trigger.delete')
  @ApiNoContentResponse()
  @ETAG_HEADER
  async delete(@Tenant() context: TenantContext, @Param('trigger') trigger: string, @IfMatch() expected: ExpectedEtag): Promise<void> {
    await this.triggers.delete(context, trigger, expected);
  }
}
