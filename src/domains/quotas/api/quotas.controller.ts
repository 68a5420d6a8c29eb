import { Body, Controller, Get, Patch } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { QuotasService } from '../quotas.service.js';
import { toQuotaModel } from './quota.mapper.js';
import { ChangeQuotaBody, QuotaModel } from './quota.model.js';

@ApiTags('quotas')
@Controller('v1/tenants/:tenant/quota')
export class QuotasController {
  constructor(private readonly quotas: QuotasService) {}

  @Get()
  @RequireTenant('quota:read')
  @ApiOkResponse({ type: QuotaModel })
  async get(@Tenant() context: TenantContext): Promise<QuotaModel> {
    return toQuotaModel(await this.quotas.get(context));
  }

  @Patch()
  @RequireTenant('quota:manage')
  @Audited('quota.update')
  @ApiOkResponse({ type: QuotaModel })
  @ETAG_HEADER
  async change(@Tenant() context: TenantContext, @IfMatch() expected: ExpectedEtag, @Body() body: ChangeQuotaBody): Promise<QuotaModel> {
    return toQuotaModel(await this.quotas.change(context, body, expected));
  }
}
