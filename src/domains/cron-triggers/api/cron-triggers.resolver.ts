import { Args, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireParent, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { connectionOf, toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { NodeOf } from '../../../platform/graphql/node.js';
import { underPointer } from '../../../platform/graphql/under-pointer.js';
import { toAsyncInvocationPayload } from '../../async-invocations/api/async-invocation.mapper.js';
import { AsyncInvocationPayload } from '../../async-invocations/api/async-invocation.model.js';
import { NamedTenantConnectionArgs } from '../../tenants/api/tenant.model.js';
import { CronTriggersService } from '../cron-triggers.service.js';
import { toCronTriggerBody, toCronTriggerModel, toCronTriggerPatch, toCronTriggerPayload } from './cron-trigger.mapper.js';
import { CreateCronTriggerInput, CronTriggerModel, CronTriggerPayload, DeleteCronTriggerInput, PatchCronTriggerInput, RunCronTriggerInput } from './cron-trigger.model.js';

const CronTriggerConnection = connectionOf(CronTriggerModel, 'CronTrigger');

@Resolver(() => CronTriggerModel)
export class CronTriggersResolver {
  constructor(
    private readonly triggers: CronTriggersService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Query(() => CronTriggerModel, { description: 'One cron trigger, by name or UUID.' })
  @RequireTenant('functions:read')
  async cronTrigger(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('cronTrigger') trigger: string): Promise<CronTriggerModel> {
    return toCronTriggerModel(await this.triggers.get(context, trigger));
  }

  @Query(() => CronTriggerConnection, { name: 'cronTriggers' })
  @RequireTenant('functions:read')
  async list(@Tenant() context: TenantContext, @Args() args: NamedTenantConnectionArgs): Promise<Connection<CronTriggerModel>> {
    return toConnection(await this.triggers.list(context, args.toPage(), args.name ?? undefined), args, toCronTriggerModel);
  }

  @Mutation(() => CronTriggerPayload)
  @RequireTenant('functions:deploy')
  @Audited('cron-trigger.create')
  createCronTrigger(@Tenant() context: TenantContext, @Args('input') input: CreateCronTriggerInput): Promise<CronTriggerPayload> {
    return this.mutations.run(context, 'createCronTrigger', input, () => underPointer('/cronTrigger', async () =>
      toCronTriggerPayload(await this.triggers.create(context, toCronTriggerBody(input.cronTrigger)))));
  }

  @Mutation(() => CronTriggerPayload, { description: 'Changes single fields: null removes, what is absent stays.' })
  @RequireTenant('functions:deploy')
  @Audited('cron-trigger.update')
  patchCronTrigger(@Tenant() context: TenantContext, @Args('input') input: PatchCronTriggerInput): Promise<CronTriggerPayload> {
    return this.mutations.run(context, 'patchCronTrigger', input, () => underPointer('/change', async () =>
      toCronTriggerPayload(await this.triggers.patch(context, input.cronTrigger, toCronTriggerPatch(input.change), input.ifMatch))));
  }

  @Mutation(() => CronTriggerPayload, { description: 'Deletes the cron trigger; answers it as it was.' })
  @RequireTenant('functions:deploy')
  @Audited('cron-trigger.delete')
  deleteCronTrigger(@Tenant() context: TenantContext, @Args('input') input: DeleteCronTriggerInput): Promise<CronTriggerPayload> {
    return this.mutations.run(context, 'deleteCronTrigger', input, async () => toCronTriggerPayload(await this.triggers.delete(context, input.cronTrigger, input.ifMatch)));
  }

  @Mutation(() => AsyncInvocationPayload, { description: 'Runs a cron trigger once now, whatever its schedule, suspension and concurrency policy say.' })
  @RequireTenant('functions:invoke')
  @Audited('cron-trigger.run')
  runCronTrigger(@Tenant() context: TenantContext, @Args('input') input: RunCronTriggerInput): Promise<AsyncInvocationPayload> {
    return this.mutations.run(context, 'runCronTrigger', input, async () => toAsyncInvocationPayload(await this.triggers.runNow(context, input.cronTrigger)));
  }

  @NodeOf('CronTrigger', 'functions:read')
  async byNodeId(context: TenantContext, id: string): Promise<CronTriggerModel> {
    return toCronTriggerModel(await this.triggers.get(context, id));
  }

  @ResolveField(() => ID, { name: 'id' })
  @RequireParent('functions:read')
  nodeId(@Parent() trigger: CronTriggerModel): string {
    return encodeGlobalId('CronTrigger', trigger.tenantId, trigger.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequireParent('functions:read')
  uuid(@Parent() trigger: CronTriggerModel): string {
    return trigger.id;
  }
}
