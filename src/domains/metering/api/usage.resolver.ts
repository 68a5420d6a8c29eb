import { Args, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { RequireParent, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { TenantModel } from '../../tenants/api/tenant.model.js';
import { UsageService } from '../usage.service.js';
import { toUsageModel } from './usage.mapper.js';
import { UsageModel } from './usage.model.js';

@Resolver(() => TenantModel)
export class UsageResolver {
  constructor(private readonly usage: UsageService) {}

  @Query(() => UsageModel, { name: 'usage' })
  @RequireTenant('usage:read')
  async get(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('period', { nullable: true }) period?: string): Promise<UsageModel> {
    return toUsageModel(await this.usage.ofMonth(context, period ?? undefined));
  }

  @ResolveField(() => UsageModel, { name: 'usage', description: 'Of one month, the present one when no period is given.' })
  @RequireParent('usage:read')
  async ofTenant(@Parent() _tenant: TenantModel, @Tenant() context: TenantContext, @Args('period', { nullable: true }) period?: string): Promise<UsageModel> {
    return toUsageModel(await this.usage.ofMonth(context, period ?? undefined));
  }
}
