import { Args, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Audited, NotAudited } from '../../../platform/audit/audited.js';
import { RequirePlatform, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { connectionOf, toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { NodeOf } from '../../../platform/graphql/node.js';
import { RawPayload } from '../../../platform/graphql/raw-payload.js';
import { AsyncInvocationsService } from '../async-invocations.service.js';
import { fromAsyncInput, toAsyncInvocationModel, toAsyncInvocationPayload, toFilter, toResultModel } from './async-invocation.mapper.js';
import {
  AsyncInvocationInput, AsyncInvocationModel, AsyncInvocationPayload, AsyncInvocationResultModel, AsyncInvocationsArgs, FailedInvocationsInput, FailedInvocationsPayload, InvokeFunctionAsyncInput,
} from './async-invocation.model.js';

const AsyncInvocationConnection = connectionOf(AsyncInvocationModel, 'AsyncInvocation');

@Resolver(() => AsyncInvocationModel)
export class AsyncInvocationsResolver {
  constructor(
    private readonly invocations: AsyncInvocationsService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Query(() => AsyncInvocationModel, { description: 'One asynchronous invocation, by its UUID.' })
  @RequireTenant('functions:read')
  async asyncInvocation(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('asyncInvocation') id: string): Promise<AsyncInvocationModel> {
    return toAsyncInvocationModel(await this.invocations.get(context, id));
  }

  @Query(() => AsyncInvocationConnection, { name: 'asyncInvocations' })
  @RequireTenant('functions:read')
  async list(@Tenant() context: TenantContext, @Args() args: AsyncInvocationsArgs): Promise<Connection<AsyncInvocationModel>> {
    return toConnection(await this.invocations.list(context, args.toPage(), toFilter(args)), args, toAsyncInvocationModel);
  }

  @Query(() => AsyncInvocationResultModel, { description: 'What the function answered, once the invocation has ended.' })
  @RequireTenant('functions:invoke')
  async asyncInvocationResult(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('asyncInvocation') id: string): Promise<AsyncInvocationResultModel> {
    return toResultModel(await this.invocations.result(context, id));
  }

  @Mutation(() => AsyncInvocationPayload, { description: 'Invokes a function without waiting for its answer; once accepted it is run at least once.' })
  @RequireTenant('functions:invoke')
  @NotAudited()
  invokeFunctionAsync(@Tenant() context: TenantContext, @RawPayload() payload: Buffer | undefined, @Args('input') input: InvokeFunctionAsyncInput): Promise<AsyncInvocationPayload> {
    // The payload as it was sent is what an idempotency key stands for.
    const asked = { ...input, payload: payload?.toString() };
    return this.mutations.run(context, 'invokeFunctionAsync', asked, async () => toAsyncInvocationPayload(await this.invocations.accept(context, fromAsyncInput(input, payload))));
  }

  @Mutation(() => AsyncInvocationPayload, { description: 'Tries a failed one anew: its tries and its age begin again.' })
  @RequireTenant('functions:invoke')
  @Audited('async-invocation.redrive')
  redriveAsyncInvocation(@Tenant() context: TenantContext, @Args('input') input: AsyncInvocationInput): Promise<AsyncInvocationPayload> {
    return this.mutations.run(context, 'redriveAsyncInvocation', input, async () => toAsyncInvocationPayload(await this.invocations.redrive(context, input.asyncInvocation, input.ifMatch)));
  }

  @Mutation(() => AsyncInvocationPayload, { description: 'Cancels one that waits, or removes one that has ended; answers it as it was.' })
  @RequireTenant('functions:deploy')
  @Audited('async-invocation.delete')
  deleteAsyncInvocation(@Tenant() context: TenantContext, @Args('input') input: AsyncInvocationInput): Promise<AsyncInvocationPayload> {
    return this.mutations.run(context, 'deleteAsyncInvocation', input, async () => toAsyncInvocationPayload(await this.invocations.delete(context, input.asyncInvocation, input.ifMatch)));
  }

  @Mutation(() => FailedInvocationsPayload, { description: 'Tries failed ones anew, those that failed first, at most 1,000 a call.' })
  @RequireTenant('functions:invoke')
  @Audited('async-invocation.redrive')
  redriveAsyncInvocations(@Tenant() context: TenantContext, @Args('input') input: FailedInvocationsInput): Promise<FailedInvocationsPayload> {
    return this.mutations.run(context, 'redriveAsyncInvocations', input, () => this.invocations.redriveFailed(context, input.function ?? undefined));
  }

  @Mutation(() => FailedInvocationsPayload, { description: 'Removes failed ones, those that failed first, at most 1,000 a call.' })
  @RequireTenant('functions:deploy')
  @Audited('async-invocation.purge')
  purgeAsyncInvocations(@Tenant() context: TenantContext, @Args('input') input: FailedInvocationsInput): Promise<FailedInvocationsPayload> {
    return this.mutations.run(context, 'purgeAsyncInvocations', input, () => this.invocations.purgeFailed(context, input.function ?? undefined));
  }

  @NodeOf('AsyncInvocation', 'functions:read')
  async byNodeId(context: TenantContext, id: string): Promise<AsyncInvocationModel> {
    return toAsyncInvocationModel(await this.invocations.get(context, id));
  }

  @ResolveField(() => ID, { name: 'id' })
  @RequirePlatform('authenticated')
  nodeId(@Parent() invocation: AsyncInvocationModel): string {
    return encodeGlobalId('AsyncInvocation', invocation.tenantId, invocation.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequirePlatform('authenticated')
  uuid(@Parent() invocation: AsyncInvocationModel): string {
    return invocation.id;
  }
}
