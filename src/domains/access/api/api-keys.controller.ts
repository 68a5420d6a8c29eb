import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { NamedPageQuery, pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { ApiKeysService } from '../api-keys.service.js';
import { toApiKeyModel, toCreatedApiKeyModel } from './access.mapper.js';
import { ApiKeyModel, CreateApiKeyBody, CreatedApiKeyModel, RotateApiKeyBody } from './api-key.model.js';

const ApiKeyPage = pageOf(ApiKeyModel, 'ApiKey');

@ApiTags('access')
@Controller('v1/tenants/:tenant/api-keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  @Post()
  @RequireTenant('keys:manage')
  @Audited('api-key.create')
  @ApiCreatedResponse({ type: CreatedApiKeyModel })
  async create(@Tenant() context: TenantContext, @Body() body: CreateApiKeyBody, @Res({ passthrough: true }) reply: FastifyReply): Promise<CreatedApiKeyModel> {
    const created = await this.keys.create(context, body);
    void reply.header('location', `/v1/tenants/${context.tenantName}/api-keys/${created.apiKey.id}`).header('cache-control', 'no-store');
    return toCreatedApiKeyModel(created);
  }

  @Get()
  @RequireTenant('keys:read')
  @ApiOkResponse({ type: ApiKeyPage })
  async list(@Tenant() context: TenantContext, @Query() query: NamedPageQuery): Promise<PageBody<ApiKeyModel>> {
    return toPageBody(await this.keys.list(context, query.toPage(), query.name), toApiKeyModel);
  }

  @Get(':apiKey')
  @RequireTenant('keys:read')
  @ApiOkResponse({ type: ApiKeyModel })
  async get(@Tenant() context: TenantContext, @Param('apiKey') apiKey: string): Promise<ApiKeyModel> {
    return toApiKeyModel(await this.keys.get(context, apiKey));
  }

  @Post(':apiKey/rotation')
  @HttpCode(200)
  @RequireTenant('keys:manage')
  @Audited('api-key.rotate')
  @ApiBody({ type: RotateApiKeyBody, required: false })
  @ApiOkResponse({ type: CreatedApiKeyModel, description: 'The same key with a new credential; the one before works until the overlap ends.' })
  @ETAG_HEADER
  async rotate(@Tenant() context: TenantContext, @Param('apiKey') apiKey: string, @IfMatch() expected: ExpectedEtag, @Body() body: RotateApiKeyBody,
    @Res({ passthrough: true }) reply: FastifyReply): Promise<CreatedApiKeyModel> {
    const rotated = await this.keys.rotate(context, apiKey, body.overlapSeconds, expected);
    void reply.header('cache-control', 'no-store');
    return toCreatedApiKeyModel(rotated);
  }

  @Delete(':apiKey')
  @HttpCode(204)
  @RequireTenant('keys:manage')
  @Audited('api-key.revoke')
  @ApiNoContentResponse({ description: 'The key is revoked.' })
  @ETAG_HEADER
  async revoke(@Tenant() context: TenantContext, @Param('apiKey') apiKey: string, @IfMatch() expected: ExpectedEtag): Promise<void> {
    await this.keys.revoke(context, apiKey, expected);
  }
}
