import { Args, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireParent, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { connectionOf, toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { NodeOf } from '../../../platform/graphql/node.js';
import { ConfigSetsService } from '../config-sets.service.js';
import { toConfigSetModel, toConfigSetPayload } from './config-set.mapper.js';
import { ChangeConfigSetInput, ConfigSetModel, ConfigSetPayload, DeleteConfigSetInput, PutConfigSetInput } from './config-set.model.js';
import { NamedTenantConnectionArgs } from '../../tenants/api/tenant.model.js';

export const ConfigSetConnection = connectionOf(ConfigSetModel, 'ConfigSet');

@Resolver(() => ConfigSetModel)
export class ConfigSetsResolver {
  constructor(
    private readonly sets: ConfigSetsService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Query(() => ConfigSetModel, { description: 'One config set, by name or UUID.' })
  @RequireTenant('configuration:read')
  async configSet(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('configSet') configSet: string): Promise<ConfigSetModel> {
    return toConfigSetModel(await this.sets.get(context, configSet));
  }

  @Query(() => ConfigSetConnection, { name: 'configSets' })
  @RequireTenant('configuration:read')
  async list(@Tenant() context: TenantContext, @Args() args: NamedTenantConnectionArgs): Promise<Connection<ConfigSetModel>> {
    return toConnection(await this.sets.list(context, args.toPage(), args.name ?? undefined), args, toConfigSetModel);
  }

  @Mutation(() => ConfigSetPayload, { description: 'Creates the config set or replaces its data.' })
  @RequireTenant('configuration:write')
  @Audited('config.update')
  putConfigSet(@Tenant() context: TenantContext, @Args('input') input: PutConfigSetInput): Promise<ConfigSetPayload> {
    return this.mutations.run(context, 'putConfigSet', input, async () => toConfigSetPayload((await this.sets.put(context, input.name, input.data, input.ifMatch)).row));
  }

  @Mutation(() => ConfigSetPayload, { description: 'Changes single variables of a config set.' })
  @RequireTenant('configuration:write')
  @Audited('config.update')
  changeConfigSet(@Tenant() context: TenantContext, @Args('input') input: ChangeConfigSetInput): Promise<ConfigSetPayload> {
    return this.mutations.run(context, 'changeConfigSet', input, async () => toConfigSetPayload(await this.sets.change(context, input.name, input.data ?? {}, input.ifMatch)));
  }

  @Mutation(() => ConfigSetPayload, { description: 'Deletes a config set no function uses; answers it as it was.' })
  @RequireTenant('configuration:write')
  @Audited('config.delete')
  deleteConfigSet(@Tenant() context: TenantContext, @Args('input') input: DeleteConfigSetInput): Promise<ConfigSetPayload> {
    return this.mutations.run(context, 'deleteConfigSet', input, async () => toConfigSetPayload(await this.sets.delete(context, input.name, input.ifMatch)));
  }

  @NodeOf('ConfigSet', 'configuration:read')
  async byNodeId(context: TenantContext, id: string): Promise<ConfigSetModel> {
    return toConfigSetModel(await this.sets.get(context, id));
  }

  @ResolveField(() => ID, { name: 'id' })
  @RequireParent('configuration:read')
  nodeId(@Parent() set: ConfigSetModel): string {
    return encodeGlobalId('ConfigSet', set.tenantId, set.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequireParent('configuration:read')
  uuid(@Parent() set: ConfigSetModel): string {
    return set.id;
  }
}
