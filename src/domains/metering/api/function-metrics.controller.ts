import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { FunctionMetricsService } from '../function-metrics.service.js';
import { toFunctionMetricsModel } from './function-metrics.mapper.js';
import { FunctionMetricsModel, MetricsQuery, toRangeRequest } from './function-metrics.model.js';

@ApiTags('usage')
@Controller('v1/tenants/:tenant')
export class FunctionMetricsController {
  constructor(private readonly metrics: FunctionMetricsService) {}

  @Get('metrics')
  @RequireTenant('usage:read')
  @ApiOperation({ summary: 'Requests over time, of all functions' })
  @ApiOkResponse({ type: FunctionMetricsModel })
  async ofTenant(@Tenant() context: TenantContext, @Query() query: MetricsQuery): Promise<FunctionMetricsModel> {
    return toFunctionMetricsModel(await this.metrics.ofTenant(context, toRangeRequest(query)));
  }

  @Get('functions/:function/metrics')
  @RequireTenant('usage:read')
  @ApiOperation({ summary: 'Requests of a function over time' })
  @ApiOkResponse({ type: FunctionMetricsModel })
  async ofFunction(@Tenant() context: TenantContext, @Param('function') reference: string, @Query() query: MetricsQuery): Promise<FunctionMetricsModel> {
    return toFunctionMetricsModel(await this.metrics.ofFunction(context, reference, toRangeRequest(query)));
  }
}
