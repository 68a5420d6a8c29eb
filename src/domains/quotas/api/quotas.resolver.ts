import { Args, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireParent, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { TenantModel } from '../../tenants/api/tenant.model.js';
import { QuotasService } from '../quotas.service.js';
import { toQuotaModel, toQuotaPayload } from './quota.mapper.js';
import { QuotaModel, QuotaPayload, SetQuotaInput } from './quota.model.js';

@Resolver(() => TenantModel)
export class QuotasResolver {
  constructor(
    private readonly quotas: QuotasService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Query(() => QuotaModel, { name: 'quota', description: 'What a tenant may use, and uses.' })
  @RequireTenant('quota:read')
  async get(@Tenant() context: TenantContext, @Args('tenant') _tenant: string): Promise<QuotaModel> {
    return toQuotaModel(await this.quotas.get(context));
  }

  @ResolveField(() => QuotaModel, { name: 'quota' })
  @RequireParent('quota:read')
  async ofTenant(@Tenant() context: TenantContext, @Parent() _tenant: TenantModel): Promise<QuotaModel> {
    return toQuotaModel(await this.quotas.get(context));
  }

  @Mutation(() => QuotaPayload)
  @RequireTenant('quota:manage')
  @Audited('quota.update')
  setQuota(@Tenant() context: TenantContext, @Args('input') input: SetQuotaInput): Promise<QuotaPayload> {
    return this.mutations.run(context, 'setQuota', input, async () => toQuotaPayload(await this.quotas.change(context, { overrides: input.overrides }, input.ifMatch)));
  }
}
