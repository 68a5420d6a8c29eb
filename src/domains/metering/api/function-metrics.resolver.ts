import { Args, Query, Resolver } from '@nestjs/graphql';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { FunctionMetricsService } from '../function-metrics.service.js';
import { toFunctionMetricsModel } from './function-metrics.mapper.js';
import { FunctionMetricsArgs, FunctionMetricsModel, TenantMetricsArgs, toRangeRequest } from './function-metrics.model.js';

@Resolver(() => FunctionMetricsModel)
export class FunctionMetricsResolver {
  constructor(private readonly metrics: FunctionMetricsService) {}

  @Query(() => FunctionMetricsModel, { description: 'Requests over time, of all functions of a tenant.' })
  @RequireTenant('usage:read')
  async tenantMetrics(@Tenant() context: TenantContext, @Args() args: TenantMetricsArgs): Promise<FunctionMetricsModel> {
    return toFunctionMetricsModel(await this.metrics.ofTenant(context, toRangeRequest(args)));
  }

  @Query(() => FunctionMetricsModel, { description: 'Requests of a function over time.' })
  @RequireTenant('usage:read')
  async functionMetrics(@Tenant() context: TenantContext, @Args() args: FunctionMetricsArgs): Promise<FunctionMetricsModel> {
    return toFunctionMetricsModel(await this.metrics.ofFunction(context, args.function, toRangeRequest(args)));
  }
}
