import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { NamedPageQuery, pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { toAsyncInvocationModel } from '../../async-invocations/api/async-invocation.mapper.js';
import { AsyncInvocationModel } from '../../async-invocations/api/async-invocation.model.js';
import { CronTriggersService } from '../cron-triggers.service.js';
import { toCronTriggerBody, toCronTriggerModel, toCronTriggerPatch } from './cron-trigger.mapper.js';
import { CreateCronTriggerBody, CronTriggerModel, CronTriggerPatchBody } from './cron-trigger.model.js';

const CronTriggerPage = pageOf(CronTriggerModel, 'CronTrigger');

@ApiTags('cron-triggers')
@Controller('v1/tenants/:tenant/cron-triggers')
export class CronTriggersController {
  constructor(private readonly triggers: CronTriggersService) {}

  @Post()
  @RequireTenant('functions:deploy')
  @Audited('cron-trigger.create')
  @ApiCreatedResponse({ type: CronTriggerModel })
  async create(@Tenant() context: TenantContext, @Body() body: CreateCronTriggerBody, @Res({ passthrough: true }) reply: FastifyReply): Promise<CronTriggerModel> {
    const trigger = await this.triggers.create(context, toCronTriggerBody(body));
    void reply.header('location', `/v1/tenants/${context.tenantName}/cron-triggers/${trigger.name}`);
    return toCronTriggerModel(trigger);
  }

  @Get()
  @RequireTenant('functions:read')
  @ApiOkResponse({ type: CronTriggerPage })
  async list(@Tenant() context: TenantContext, @Query() query: NamedPageQuery): Promise<PageBody<CronTriggerModel>> {
    return toPageBody(await this.triggers.list(context, query.toPage(), query.name), toCronTriggerModel);
  }

  @Get(':cronTrigger')
  @RequireTenant('functions:read')
  @ApiOkResponse({ type: CronTriggerModel })
  async get(@Tenant() context: TenantContext, @Param('cronTrigger') trigger: string): Promise<CronTriggerModel> {
    return toCronTriggerModel(await this.triggers.get(context, trigger));
  }

  @Patch(':cronTrigger')
  @RequireTenant('functions:deploy')
  @Audited('cron-trigger.update')
  @ApiOkResponse({ type: CronTriggerModel })
  @ETAG_HEADER
  async patch(@Tenant() context: TenantContext, @Param('cronTrigger') trigger: string, @IfMatch() expected: ExpectedEtag, @Body() body: CronTriggerPatchBody): Promise<CronTriggerModel> {
    return toCronTriggerModel(await this.triggers.patch(context, trigger, toCronTriggerPatch(body), expected));
  }

  @Delete(':cronTrigger')
  @HttpCode(204)
  @RequireTenant('functions:deploy')
  @Audited('cron-trigger.delete')
  @ApiNoContentResponse()
  @ETAG_HEADER
  async delete(@Tenant() context: TenantContext, @Param('cronTrigger') trigger: string, @IfMatch() expected: ExpectedEtag): Promise<void> {
    await this.triggers.delete(context, trigger, expected);
  }

  @Post(':cronTrigger/run')
  @HttpCode(202)
  @RequireTenant('functions:invoke')
  @Audited('cron-trigger.run')
  @ApiOperation({ summary: 'Run once now', description: 'Whatever its schedule, suspension and concurrency policy say.' })
  @ApiAcceptedResponse({ type: AsyncInvocationModel })
  async run(@Tenant() context: TenantContext, @Param('cronTrigger') trigger: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<AsyncInvocationModel> {
    const accepted = await this.triggers.runNow(context, trigger);
    void reply.header('location', `/v1/tenants/${context.tenantName}/async-invocations/${accepted.id}`);
    return toAsyncInvocationModel(accepted);
  }
}
