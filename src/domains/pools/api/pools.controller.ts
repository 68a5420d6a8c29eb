import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { PoolsService } from '../pools.service.js';
import { toPoolsModel } from './pools.mapper.js';
import { PoolsModel, PutPoolsBody } from './pools.model.js';

@ApiTags('pools')
@Controller('v1/tenants/:tenant/pools')
export class PoolsController {
  constructor(private readonly pools: PoolsService) {}

  @Get()
  @RequireTenant('functions:read')
  @ApiOkResponse({ type: PoolsModel })
  async get(@Tenant() context: TenantContext): Promise<PoolsModel> {
    return toPoolsModel(await this.pools.get(context));
  }

  @Put()
  @RequireTenant('functions:deploy')
  @Audited('pools.update')
  @ApiOkResponse({ type: PoolsModel })
  @ETAG_HEADER
  async put(@Tenant() context: TenantContext, @IfMatch() expected: ExpectedEtag, @Body() body: PutPoolsBody): Promise<PoolsModel> {
    return toPoolsModel(await this.pools.put(context, body.runtimes, expected));
  }
}
