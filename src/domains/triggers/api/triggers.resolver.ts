import { Args, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireParent, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { connectionOf, toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { NodeOf } from '../../../platform/graphql/node.js';
import { underPointer } from '../../../platform/graphql/under-pointer.js';
import { NamedTenantConnectionArgs } from '../../tenants/api/tenant.model.js';
import { TriggersService } from '../triggers.service.js';
import { toTriggerBody, toTriggerModel, toTriggerPatch, toTriggerPayload } from './trigger.mapper.js';
import { CreateTriggerInput, DeleteTriggerInput, PatchTriggerInput, TriggerModel, TriggerPayload } from './trigger.model.js';

export const TriggerConnection = connectionOf(TriggerModel, 'Trigger');

@Resolver(() => TriggerModel)
export class TriggersResolver {
  constructor(
    private readonly triggers: TriggersService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Query(() => TriggerModel, { description: 'One trigger, by name or UUID.' })
  @RequireTenant('functions:read')
  async trigger(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('trigger') trigger: string): Promise<TriggerModel> {
    return toTriggerModel(await this.triggers.get(context, trigger));
  }

  @Query(() => TriggerConnection, { name: 'triggers' })
  @RequireTenant('functions:read')
  async list(@Tenant() context: TenantContext, @Args() args: NamedTenantConnectionArgs): Promise<Connection<TriggerModel>> {
    return toConnection(await this.triggers.list(context, args.toPage(), args.name ?? undefined), args, toTriggerModel);
  }

  @Mutation(() => TriggerPayload)
  @RequireTenant('functions:deploy')
  @Audited('trigger.create')
  createTrigger(@Tenant() context: TenantContext, @Args('input') input: CreateTriggerInput): Promise<TriggerPayload> {
    return this.mutations.run(context, 'createTrigger', input, () => underPointer('/trigger', async () =>
      toTriggerPayload(await this.triggers.create(context, toTriggerBody(input.trigger)))));
  }

  @Mutation(() => TriggerPayload, { description: 'Changes single fields: null removes, what is absent stays.' })
  @RequireTenant('functions:deploy')
  @Audited('trigger.update')
  patchTrigger(@Tenant() context: TenantContext, @Args('input') input: PatchTriggerInput): Promise<TriggerPayload> {
    return this.mutations.run(context, 'patchTrigger', input, () => underPointer('/change', async () =>
      toTriggerPayload(await this.triggers.patch(context, input.trigger, toTriggerPatch(input.change), input.ifMatch))));
  }

  @Mutation(() => TriggerPayload, { description: 'Deletes the trigger; answers it as it was.' })
  @RequireTenant('functions:deploy')
  @Audited('trigger.delete')
  deleteTrigger(@Tenant() context: TenantContext, @Args('input') input: DeleteTriggerInput): Promise<TriggerPayload> {
    return this.mutations.run(context, 'deleteTrigger', input, async () => toTriggerPayload(await this.triggers.delete(context, input.trigger, input.ifMatch)));
  }

  @NodeOf('Trigger', 'functions:read')
  async byNodeId(context: TenantContext, id: string): Promise<TriggerModel> {
    return toTriggerModel(await this.triggers.get(context, id));
  }

  @ResolveField(() => ID, { name: 'id' })
  @RequireParent('functions:read')
  nodeId(@Parent() trigger: TriggerModel): string {
    return encodeGlobalId('Trigger', trigger.tenantId, trigger.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequireParent('functions:read')
  uuid(@Parent() trigger: TriggerModel): string {
    return trigger.id;
  }
}
