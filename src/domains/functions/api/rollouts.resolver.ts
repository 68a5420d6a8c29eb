import { Inject } from '@nestjs/common';
import { Args, Mutation, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { Config } from '../../../platform/config/config.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { CONFIG } from '../../../platform/tokens.js';
import type { RolloutVerb } from '../rollout.policy.js';
import { RolloutsService } from '../rollouts.service.js';
import { toFunctionPayload, toRevisionModel } from './function.mapper.js';
import { FunctionPayload } from './function.model.js';
import { PinRevisionInput, RollbackFunctionInput, RolloutInput } from './release-status.model.js';
import { RevisionPayload } from './revision.model.js';

@Resolver()
export class RolloutsResolver {
  constructor(
    private readonly rollouts: RolloutsService,
    private readonly mutations: GraphqlMutations,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Mutation(() => FunctionPayload, { description: 'Makes an older revision the target again, all at once whatever the strategy.' })
  @RequireTenant('functions:deploy')
  @Audited('function.rollback')
  rollbackFunction(@Tenant() context: TenantContext, @Args('input') input: RollbackFunctionInput): Promise<FunctionPayload> {
    return this.mutations.run(context, 'rollbackFunction', input, async () =>
      toFunctionPayload(await this.rollouts.rollback(context, input.function, input.revision ?? undefined, input.ifMatch ?? undefined), this.addresses(context)));
  }

  @Mutation(() => FunctionPayload, { description: 'Skips all that is left of the rollout: the target takes its whole share as soon as it has the pods.' })
  @RequireTenant('functions:deploy')
  @Audited('rollout.promote')
  promoteRollout(@Tenant() context: TenantContext, @Args('input') input: RolloutInput): Promise<FunctionPayload> {
    return this.steer(context, 'promote', input);
  }

  @Mutation(() => FunctionPayload, { description: 'Holds the rollout where it is.' })
  @RequireTenant('functions:deploy')
  @Audited('rollout.pause')
  pauseRollout(@Tenant() context: TenantContext, @Args('input') input: RolloutInput): Promise<FunctionPayload> {
    return this.steer(context, 'pause', input);
  }

  @Mutation(() => FunctionPayload, { description: 'Goes on with the rollout, past the step that paused it.' })
  @RequireTenant('functions:deploy')
  @Audited('rollout.resume')
  resumeRollout(@Tenant() context: TenantContext, @Args('input') input: RolloutInput): Promise<FunctionPayload> {
    return this.steer(context, 'resume', input);
  }

  @Mutation(() => FunctionPayload, { description: 'Ends the rollout: the revision before takes all of the traffic.' })
  @RequireTenant('functions:deploy')
  @Audited('rollout.abort')
  abortRollout(@Tenant() context: TenantContext, @Args('input') input: RolloutInput): Promise<FunctionPayload> {
    return this.steer(context, 'abort', input);
  }

  @Mutation(() => FunctionPayload, { description: 'Tries the same target again, from the first step, after an abort.' })
  @RequireTenant('functions:deploy')
  @Audited('rollout.retry')
  retryRollout(@Tenant() context: TenantContext, @Args('input') input: RolloutInput): Promise<FunctionPayload> {
    return this.steer(context, 'retry', input);
  }

  @Mutation(() => RevisionPayload, { description: 'Pins a revision, which then stays when the history is cut, or unpins it. The etag is the function\'s.' })
  @RequireTenant('functions:deploy')
  @Audited('revision.pin')
  pinRevision(@Tenant() context: TenantContext, @Args('input') input: PinRevisionInput): Promise<RevisionPayload> {
    return this.mutations.run(context, 'pinRevision', input, async () =>
      ({ revision: toRevisionModel(await this.rollouts.pin(context, input.function, input.number, input.pinned, input.ifMatch ?? undefined)) }));
  }

  private steer(context: TenantContext, verb: RolloutVerb, input: RolloutInput): Promise<FunctionPayload> {
    return this.mutations.run(context, `${verb}Rollout`, input, async () =>
      toFunctionPayload(await this.rollouts.steer(context, input.function, verb, input.ifMatch ?? undefined), this.addresses(context)));
  }

  private addresses(context: TenantContext): { gatewayUrl: string; tenantName: string } {
    return { gatewayUrl: this.config.FNPLANE_GATEWAY_URL, tenantName: context.tenantName };
  }
}
