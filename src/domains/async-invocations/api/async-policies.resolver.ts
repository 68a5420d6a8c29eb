import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { underPointer } from '../../../platform/graphql/under-pointer.js';
import { AsyncPoliciesService } from '../async-policies.service.js';
import { toAsyncPolicyBody, toAsyncPolicyModel, toAsyncPolicyPayload } from './async-policy.mapper.js';
import { AsyncPolicyModel, AsyncPolicyPayload, DeleteAsyncPolicyInput, SetAsyncPolicyInput } from './async-policy.model.js';

@Resolver(() => AsyncPolicyModel)
export class AsyncPoliciesResolver {
  constructor(
    private readonly policies: AsyncPoliciesService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Query(() => AsyncPolicyModel, { description: 'What holds for all asynchronous invocations of a function, where it was said.' })
  @RequireTenant('functions:read')
  async asyncPolicy(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('function') name: string): Promise<AsyncPolicyModel> {
    return toAsyncPolicyModel(await this.policies.get(context, name));
  }

  @Mutation(() => AsyncPolicyPayload, { description: 'Writes the whole of it. Webhooks that were there keep their secret; those of new ones are in this answer alone.' })
  @RequireTenant('functions:deploy')
  @Audited('async-policy.update')
  setAsyncPolicy(@Tenant() context: TenantContext, @Args('input') input: SetAsyncPolicyInput): Promise<AsyncPolicyPayload> {
    return this.mutations.run(context, 'setAsyncPolicy', input, () => underPointer('/policy', async () =>
      toAsyncPolicyPayload(await this.policies.put(context, input.function, toAsyncPolicyBody(input.policy), input.ifMatch))));
  }

  @Mutation(() => AsyncPolicyPayload, { description: 'Takes it away; answers it as it was.' })
  @RequireTenant('functions:deploy')
  @Audited('async-policy.delete')
  deleteAsyncPolicy(@Tenant() context: TenantContext, @Args('input') input: DeleteAsyncPolicyInput): Promise<AsyncPolicyPayload> {
    return this.mutations.run(context, 'deleteAsyncPolicy', input, async () => toAsyncPolicyPayload({ policy: await this.policies.delete(context, input.function, input.ifMatch), secrets: {} }));
  }
}
