import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { NamedPageQuery, pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { KafkaTriggersService } from '../kafka-triggers.service.js';
import { toKafkaTriggerBody, toKafkaTriggerModel, toKafkaTriggerPatch } from './kafka-trigger.mapper.js';
import { CreateKafkaTriggerBody, KafkaTriggerModel, KafkaTriggerPatchBody } from './kafka-trigger.model.js';

const KafkaTriggerPage = pageOf(KafkaTriggerModel, 'KafkaTrigger');

@ApiTags('kafka-triggers')
@Controller('v1/tenants/:tenant/kafka-triggers')
export class KafkaTriggersController {
  constructor(private readonly triggers: KafkaTriggersService) {}

  @Post()
  @RequireTenant('functions:deploy')
  @Audited('kafka-trigger.create')
  @ApiCreatedResponse({ type: KafkaTriggerModel })
  async create(@Tenant() context: TenantContext, @Body() body: CreateKafkaTriggerBody, @Res({ passthrough: true }) reply: FastifyReply): Promise<KafkaTriggerModel> {
    const trigger = await this.triggers.create(context, toKafkaTriggerBody(body));
    void reply.header('location', `/v1/tenants/${context.tenantName}/kafka-triggers/${trigger.row.name}`);
    return toKafkaTriggerModel(trigger);
  }

  @Get()
  @RequireTenant('functions:read')
  @ApiOkResponse({ type: KafkaTriggerPage })
  async list(@Tenant() context: TenantContext, @Query() query: NamedPageQuery): Promise<PageBody<KafkaTriggerModel>> {
    return toPageBody(await this.triggers.list(context, query.toPage(), query.name), toKafkaTriggerModel);
  }

  @Get(':kafkaTrigger')
  @RequireTenant('functions:read')
  @ApiOkResponse({ type: KafkaTriggerModel })
  async get(@Tenant() context: TenantContext, @Param('kafkaTrigger') trigger: string): Promise<KafkaTriggerModel> {
    return toKafkaTriggerModel(await this.triggers.get(context, trigger));
  }

  @Patch(':kafkaTrigger')
  @RequireTenant('functions:deploy')
  @Audited('kafka-trigger.update')
  @ApiOkResponse({ type: KafkaTriggerModel })
  @ETAG_HEADER
  async patch(@Tenant() context: TenantContext, @Param('kafkaTrigger') trigger: string, @IfMatch() expected: ExpectedEtag, @Body() body: KafkaTriggerPatchBody): Promise<KafkaTriggerModel> {
    return toKafkaTriggerModel(await this.triggers.patch(context, trigger, toKafkaTriggerPatch(body), expected));
  }

  @Delete(':kafkaTrigger')
  @HttpCode(204)
  @RequireTenant('functions:deploy')
  @Audited('kafka-trigger.delete')
  @ApiNoContentResponse()
  @ETAG_HEADER
  async delete(@Tenant() context: TenantContext, @Param('kafkaTrigger') trigger: string, @IfMatch() expected: ExpectedEtag): Promise<void> {
    await this.triggers.delete(context, trigger, expected);
  }
}
