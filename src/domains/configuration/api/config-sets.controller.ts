import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Put, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { NamedPageQuery, pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { ConfigSetsService } from '../config-sets.service.js';
import { toConfigSetModel } from './config-set.mapper.js';
import { ChangeConfigSetBody, ConfigSetModel, CreateConfigSetBody, PutConfigSetBody } from './config-set.model.js';

const ConfigSetPage = pageOf(ConfigSetModel, 'ConfigSet');

@ApiTags('configuration')
@Controller('v1/tenants/:tenant/configs')
export class ConfigSetsController {
  constructor(private readonly sets: ConfigSetsService) {}

  @Post()
  @RequireTenant('configuration:write')
  @Audited('config.create')
  @ApiCreatedResponse({ type: ConfigSetModel })
  async create(@Tenant() context: TenantContext, @Body() body: CreateConfigSetBody, @Res({ passthrough: true }) reply: FastifyReply): Promise<ConfigSetModel> {
    const set = await this.sets.create(context, body.name, body.data);
    void reply.header('location', `/v1/tenants/${context.tenantName}/configs/${set.name}`);
    return toConfigSetModel(set);
  }

  @Get()
  @RequireTenant('configuration:read')
  @ApiOkResponse({ type: ConfigSetPage })
  async list(@Tenant() context: TenantContext, @Query() query: NamedPageQuery): Promise<PageBody<ConfigSetModel>> {
    return toPageBody(await this.sets.list(context, query.toPage(), query.name), toConfigSetModel);
  }

  @Get(':config')
  @RequireTenant('configuration:read')
  @ApiOkResponse({ type: ConfigSetModel })
  async get(@Tenant() context: TenantContext, @Param('config') config: string): Promise<ConfigSetModel> {
    return toConfigSetModel(await this.sets.get(context, config));
  }

  @Put(':config')
  @RequireTenant('configuration:write')
  @Audited('config.update')
  @ApiOkResponse({ type: ConfigSetModel, description: 'It was there; its data are now these.' })
  @ApiCreatedResponse({ type: ConfigSetModel, description: 'It was not there.' })
  @ETAG_HEADER
  async put(@Tenant() context: TenantContext, @Param('config') config: string, @IfMatch() expected: ExpectedEtag, @Body() body: PutConfigSetBody,
    @Res({ passthrough: true }) reply: FastifyReply): Promise<ConfigSetModel> {
    const { row, created } = await this.sets.put(context, config, body.data, expected);
    if (created) void reply.code(201).header('location', `/v1/tenants/${context.tenantName}/configs/${row.name}`);
    return toConfigSetModel(row);
  }

  @Patch(':config')
  @RequireTenant('configuration:write')
  @Audited('config.update')
  @ApiOkResponse({ type: ConfigSetModel })
  @ETAG_HEADER
  async change(@Tenant() context: TenantContext, @Param('config') config: string, @IfMatch() expected: ExpectedEtag, @Body() body: ChangeConfigSetBody): Promise<ConfigSetModel> {
    return toConfigSetModel(await this.sets.change(context, config, body.data ?? {}, expected));
  }

  @Delete(':config')
  @HttpCode(204)
  @RequireTenant('configuration:write')
  @Audited('config.delete')
  @ApiNoContentResponse()
  @ETAG_HEADER
  async delete(@Tenant() context: TenantContext, @Param('config') config: string, @IfMatch() expected: ExpectedEtag): Promise<void> {
    await this.sets.delete(context, config, expected);
  }
}
