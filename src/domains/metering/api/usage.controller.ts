import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { UsageService } from '../usage.service.js';
import { toCapacityRecordModel, toUsageModel, toUsageRecordModel } from './usage.mapper.js';
import { CapacityRecordModel, UsageModel, UsageQuery, UsageRecordModel, UsageRecordsQuery } from './usage.model.js';

const UsageRecordPage = pageOf(UsageRecordModel, 'UsageRecord');
const CapacityRecordPage = pageOf(CapacityRecordModel, 'CapacityRecord');

@ApiTags('usage')
@Controller('v1/tenants/:tenant/usage')
export class UsageController {
  constructor(private readonly usage: UsageService) {}

  @Get()
  @RequireTenant('usage:read')
  @ApiOkResponse({ type: UsageModel })
  async get(@Tenant() context: TenantContext, @Query() query: UsageQuery): Promise<UsageModel> {
    return toUsageModel(await this.usage.ofMonth(context, query.period));
  }

  @Get('records')
  @RequireTenant('usage:read')
  @ApiOkResponse({ type: UsageRecordPage })
  async records(@Tenant() context: TenantContext, @Query() query: UsageRecordsQuery): Promise<PageBody<UsageRecordModel>> {
    return toPageBody(await this.usage.records(context, query.period, query.toPage()), toUsageRecordModel);
  }

  @Get('capacity-records')
  @RequireTenant('usage:read')
  @ApiOkResponse({ type: CapacityRecordPage })
  async capacityRecords(@Tenant() context: TenantContext, @Query() query: UsageRecordsQuery): Promise<PageBody<CapacityRecordModel>> {
    return toPageBody(await this.usage.capacityRecords(context, query.period, query.toPage()), toCapacityRecordModel);
  }
}
