import { Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { PageQuery, pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { SecretVersionsService } from '../secret-versions.service.js';
import { versionNotFound } from '../configuration.errors.js';
import { toSecretModel, toSecretVersionModel } from './secret.mapper.js';
import { SecretModel } from './secret.model.js';
import { SecretVersionModel } from './secret-version.model.js';

const SecretVersionPage = pageOf(SecretVersionModel, 'SecretVersion');

@ApiTags('secrets')
@Controller('v1/tenants/:tenant/secrets/:secret/versions')
export class SecretVersionsController {
  constructor(private readonly versions: SecretVersionsService) {}

  @Get()
  @RequireTenant('secrets:read')
  @ApiOkResponse({ type: SecretVersionPage, description: 'Oldest first.' })
  async list(@Tenant() context: TenantContext, @Param('secret') secret: string, @Query() query: PageQuery): Promise<PageBody<SecretVersionModel>> {
    return toPageBody(await this.versions.list(context, secret, query.toPage()), toSecretVersionModel);
  }

  @Post(':number/activation')
  @HttpCode(200)
  @RequireTenant('secrets:write')
  @Audited('secret.activate')
  @ApiOkResponse({ type: SecretModel, description: 'The secret with this version as its current one.' })
  @ETAG_HEADER
  async activate(@Tenant() context: TenantContext, @Param('secret') secret: string, @Param('number') number: string, @IfMatch() expected: ExpectedEtag): Promise<SecretModel> {
    return toSecretModel(await this.versions.activate(context, secret, numberOf(number), expected));
  }

  @Delete(':number')
  @HttpCode(204)
  @RequireTenant('secrets:write')
  @Audited('secret.destroy-version')
  @ApiNoContentResponse({ description: 'Its values are gone for good.' })
  @ETAG_HEADER
  async destroy(@Tenant() context: TenantContext, @Param('secret') secret: string, @Param('number') number: string, @IfMatch() expected: ExpectedEtag): Promise<void> {
    await this.versions.destroy(context, secret, numberOf(number), expected);
  }
}

function numberOf(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw versionNotFound();
  return Number(text);
}
