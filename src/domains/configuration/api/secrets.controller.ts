import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { NamedPageQuery, pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { SecretsService } from '../secrets.service.js';
import { toSecretModel } from './secret.mapper.js';
import { CreateSecretBody, PutSecretBody, SecretModel } from './secret.model.js';

const SecretPage = pageOf(SecretModel, 'Secret');

@ApiTags('secrets')
@Controller('v1/tenants/:tenant/secrets')
export class SecretsController {
  constructor(private readonly secrets: SecretsService) {}

  @Post()
  @RequireTenant('secrets:write')
  @Audited('secret.create')
  @ApiCreatedResponse({ type: SecretModel })
  async create(@Tenant() context: TenantContext, @Body() body: CreateSecretBody, @Res({ passthrough: true }) reply: FastifyReply): Promise<SecretModel> {
    const made = await this.secrets.create(context, body.name, body.data);
    void reply.header('location', `/v1/tenants/${context.tenantName}/secrets/${made.name}`);
    return toSecretModel(made);
  }

  @Get()
  @RequireTenant('secrets:read')
  @ApiOkResponse({ type: SecretPage })
  async list(@Tenant() context: TenantContext, @Query() query: NamedPageQuery): Promise<PageBody<SecretModel>> {
    return toPageBody(await this.secrets.list(context, query.toPage(), query.name), toSecretModel);
  }

  @Get(':secret')
  @RequireTenant('secrets:read')
  @ApiOkResponse({ type: SecretModel })
  async get(@Tenant() context: TenantContext, @Param('secret') secret: string): Promise<SecretModel> {
    return toSecretModel(await this.secrets.get(context, secret));
  }

  @Put(':secret')
  @RequireTenant('secrets:write')
  @Audited('secret.update')
  @ApiOkResponse({ type: SecretModel, description: 'It was there; this is its new version.' })
  @ApiCreatedResponse({ type: SecretModel, description: 'It was not there.' })
  @ETAG_HEADER
  async put(@Tenant() context: TenantContext, @Param('secret') secret: string, @IfMatch() expected: ExpectedEtag, @Body() body: PutSecretBody,
    @Res({ passthrough: true }) reply: FastifyReply): Promise<SecretModel> {
    const { row, created } = await this.secrets.put(context, secret, body.data, expected);
    if (created) void reply.code(201).header('location', `/v1/tenants/${context.tenantName}/secrets/${row.name}`);
    return toSecretModel(row);
  }

  @Delete(':secret')
  @HttpCode(204)
  @RequireTenant('secrets:write')
  @Audited('secret.delete')
  @ApiNoContentResponse()
  @ETAG_HEADER
  async delete(@Tenant() context: TenantContext, @Param('secret') secret: string, @IfMatch() expected: ExpectedEtag): Promise<void> {
    await this.secrets.delete(context, secret, expected);
  }
}
