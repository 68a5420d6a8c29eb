import { Args, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireParent, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { TenantModel } from '../../tenants/api/tenant.model.js';
import { PoolsService } from '../pools.service.js';
import { toPoolsModel, toPoolsPayload } from './pools.mapper.js';
import { PoolsModel, PoolsPayload, SetPoolsInput } from './pools.model.js';

@Resolver(() => TenantModel)
export class PoolsResolver {
  constructor(
    private readonly pools: PoolsService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Query(() => PoolsModel, { name: 'pools', description: 'A tenant\'s warm pools.' })
  @RequireTenant('functions:read')
  async get(@Tenant() context: TenantContext, @Args('tenant') _tenant: string): Promise<PoolsModel> {
    return toPoolsModel(await this.pools.get(context));
  }

  @ResolveField(() => PoolsModel, { name: 'pools' })
  @RequireParent('functions:read')
  async ofTenant(@Tenant() context: TenantContext, @Parent() _tenant: TenantModel): Promise<PoolsModel> {
    return toPoolsModel(await this.pools.get(context));
  }

  @Mutation(() => PoolsPayload)
  @RequireTenant('functions:deploy')
  @Audited('pools.update')
  setPools(@Tenant() context: TenantContext, @Args('input') input: SetPoolsInput): Promise<PoolsPayload> {
    return this.mutations.run(context, 'setPools', input, async () => toPoolsPayload(await this.pools.put(context, input.runtimes, input.ifMatch)));
  }
}
