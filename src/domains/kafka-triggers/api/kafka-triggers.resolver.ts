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
import { KafkaTriggersService } from '../kafka-triggers.service.js';
import { toKafkaTriggerBody, toKafkaTriggerModel, toKafkaTriggerPatch, toKafkaTriggerPayload } from './kafka-trigger.mapper.js';
import { CreateKafkaTriggerInput, DeleteKafkaTriggerInput, PatchKafkaTriggerInput, KafkaTriggerModel, KafkaTriggerPayload } from './kafka-trigger.model.js';

export const KafkaTriggerConnection = connectionOf(KafkaTriggerModel, 'KafkaTrigger');

@Resolver(() => KafkaTriggerModel)
export class KafkaTriggersResolver {
  constructor(
    private readonly triggers: KafkaTriggersService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Query(() => KafkaTriggerModel, { description: 'One Kafka trigger, by name or UUID.' })
  @RequireTenant('functions:read')
  async kafkaTrigger(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('kafkaTrigger') trigger: string): Promise<KafkaTriggerModel> {
    return toKafkaTriggerModel(await this.triggers.get(context, trigger));
  }

  @Query(() => KafkaTriggerConnection, { name: 'kafkaTriggers' })
  @RequireTenant('functions:read')
  async list(@Tenant() context: TenantContext, @Args() args: NamedTenantConnectionArgs): Promise<Connection<KafkaTriggerModel>> {
    return toConnection(await this.triggers.list(context, args.toPage(), args.name ?? undefined), args, toKafkaTriggerModel);
  }

  @Mutation(() => KafkaTriggerPayload)
  @RequireTenant('functions:deploy')
  @Audited('kafka-trigger.create')
  createKafkaTrigger(@Tenant() context: TenantContext, @Args('input') input: CreateKafkaTriggerInput): Promise<KafkaTriggerPayload> {
    return this.mutations.run(context, 'createKafkaTrigger', input, () => underPointer('/kafkaTrigger', async () =>
      toKafkaTriggerPayload(await this.triggers.create(context, toKafkaTriggerBody(input.kafkaTrigger)))));
  }

  @Mutation(() => KafkaTriggerPayload, { description: 'Changes single fields: null removes, what is absent stays.' })
  @RequireTenant('functions:deploy')
  @Audited('kafka-trigger.update')
  patchKafkaTrigger(@Tenant() context: TenantContext, @Args('input') input: PatchKafkaTriggerInput): Promise<KafkaTriggerPayload> {
    return this.mutations.run(context, 'patchKafkaTrigger', input, () => underPointer('/change', async () =>
      toKafkaTriggerPayload(await this.triggers.patch(context, input.kafkaTrigger, toKafkaTriggerPatch(input.change), input.ifMatch))));
  }

  @Mutation(() => KafkaTriggerPayload, { description: 'Deletes the trigger; answers it as it was.' })
  @RequireTenant('functions:deploy')
  @Audited('kafka-trigger.delete')
  deleteKafkaTrigger(@Tenant() context: TenantContext, @Args('input') input: DeleteKafkaTriggerInput): Promise<KafkaTriggerPayload> {
    return this.mutations.run(context, 'deleteKafkaTrigger', input, async () => toKafkaTriggerPayload(await this.triggers.delete(context, input.kafkaTrigger, input.ifMatch)));
  }

  @NodeOf('KafkaTrigger', 'functions:read')
  async byNodeId(context: TenantContext, id: string): Promise<KafkaTriggerModel> {
    return toKafkaTriggerModel(await this.triggers.get(context, id));
  }

  @ResolveField(() => ID, { name: 'id' })
  @RequireParent('functions:read')
  nodeId(@Parent() trigger: KafkaTriggerModel): string {
    return encodeGlobalId('KafkaTrigger', trigger.tenantId, trigger.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequireParent('functions:read')
  uuid(@Parent() trigger: KafkaTriggerModel): string {
    return trigger.id;
  }
}
