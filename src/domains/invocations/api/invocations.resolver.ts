import { Args, Context, Mutation, Resolver } from '@nestjs/graphql';
import type { FastifyReply } from 'fastify';
import { NotAudited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { mutationPayload } from '../../../platform/graphql/mutation.js';
import { InvocationsService } from '../invocations.service.js';
import { callerSignal } from './caller-signal.js';
import { fromInput, toInvocationPayload } from './invocation.mapper.js';
import { InvokeFunctionInput, InvokeFunctionPayload } from './invocation.model.js';
import { RawPayload } from '../../../platform/graphql/raw-payload.js';

@Resolver()
export class InvocationsResolver {
  constructor(private readonly invocations: InvocationsService) {}

  // The context as a whole: a reply alone is a thenable, and waiting for it would wait for the answer that is made here.
  @Mutation(() => InvokeFunctionPayload, { description: 'Calls a function and waits for its answer; error answers of the function are answers.' })
  @RequireTenant('functions:invoke')
  @NotAudited()
  invokeFunction(@Tenant() context: TenantContext, @RawPayload() payload: Buffer | undefined, @Args('input') input: InvokeFunctionInput, @Context() graphql: { reply: FastifyReply }): Promise<InvokeFunctionPayload> {
    return mutationPayload(async () => toInvocationPayload(await this.invocations.invoke(context, { ...fromInput(input, payload), signal: callerSignal(graphql.reply) })));
  }
}
