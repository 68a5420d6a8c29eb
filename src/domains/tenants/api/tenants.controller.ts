import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Put, Query, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../../../platform/audit/audited.js';
import { Caller, RequirePlatform, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { NamedPageQuery, pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { audienceOf } from '../tenant-audience.policy.js';
import { TenantsService } from '../tenants.service.js';
import { toAcceptedTenant, toTenantModel } from './tenant.mapper.js';
import { AcceptedTenant, ChangeTenantBody, CreateTenantBody, SuspendTenantBody, TenantModel } from './tenant.model.js';

const TenantPage = pageOf(TenantModel, 'Tenant');

@ApiTags('tenants')
@Controller('v1/tenants')
export class TenantsController {
  constructor(private readonly tenants: TenantsService) {}

  @Post()
  @HttpCode(202)
  @RequirePlatform('tenants:create')
  @Audited('tenant.create')
  @ApiAcceptedResponse({ type: AcceptedTenant })
  async create(@Caller() caller: SystemContext, @Body() body: CreateTenantBody, @Res({ passthrough: true }) reply: FastifyReply): Promise<AcceptedTenant> {
    const result = await this.tenants.create(caller, body);
    void reply.header('location', `/v1/tenants/${result.tenant.name}`);
    return toAcceptedTenant(result);
  }

  @Get()
  @RequirePlatform('authenticated')
  @ApiOkResponse({ type: TenantPage })
  async list(@Caller() caller: SystemContext, @Query() query: NamedPageQuery): Promise<PageBody<TenantModel>> {
    return toPageBody(await this.tenants.list(caller, audienceOf(caller.principal), query.toPage(), query.name), toTenantModel);
  }

  @Get(':tenant')
  @RequireTenant('tenant:read')
  @ApiOkResponse({ type: TenantModel })
  async get(@Tenant() context: TenantContext): Promise<TenantModel> {
    return toTenantModel(await this.tenants.get(context));
  }

  @Patch(':tenant')
  @HttpCode(202)
  @RequireTenant('tenant:update')
  @Audited('tenant.update')
  @ApiAcceptedResponse({ type: AcceptedTenant })
  @ETAG_HEADER
  async change(@Tenant() context: TenantContext, @IfMatch() expected: ExpectedEtag, @Body() body: ChangeTenantBody): Promise<AcceptedTenant> {
    return toAcceptedTenant(await this.tenants.change(context, body, expected));
  }

  @Put(':tenant/suspension')
  @HttpCode(202)
  @RequireTenant('tenant:suspend')
  @Audited('tenant.suspend')
  @ApiAcceptedResponse({ type: AcceptedTenant })
  @ETAG_HEADER
  async suspend(@Tenant() context: TenantContext, @IfMatch() expected: ExpectedEtag, @Body() body: SuspendTenantBody): Promise<AcceptedTenant> {
    return toAcceptedTenant(await this.tenants.suspend(context, body.level, expected));
  }

  @Delete(':tenant')
  @HttpCode(202)
  @RequireTenant('tenant:delete')
  @Audited('tenant.delete')
  @ApiAcceptedResponse({ type: AcceptedTenant })
  @ETAG_HEADER
  async delete(@Tenant() context: TenantContext, @IfMatch() expected: ExpectedEtag): Promise<AcceptedTenant> {
    return toAcceptedTenant(await this.tenants.delete(context, expected));
  }
}
