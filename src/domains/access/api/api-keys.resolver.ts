import { Args, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireParent, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { NodeOf } from '../../../platform/graphql/node.js';
import { NamedTenantConnectionArgs } from '../../tenants/api/tenant.model.js';
import { ApiKeysService } from '../api-keys.service.js';
import { toApiKeyModel, toCreateApiKeyPayload } from './access.mapper.js';
import { ApiKeyConnection, ApiKeyModel, CreateApiKeyInput, CreateApiKeyPayload, RevokeApiKeyInput, RevokeApiKeyPayload, RotateApiKeyInput, RotateApiKeyPayload } from './api-key.model.js';

@Resolver(() => ApiKeyModel)
export class ApiKeysResolver {
  constructor(
    private readonly keys: ApiKeysService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Query(() => ApiKeyModel, { description: 'One API key, by name or UUID.' })
  @RequireTenant('keys:read')
  async apiKey(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('apiKey') apiKey: string): Promise<ApiKeyModel> {
    return toApiKeyModel(await this.keys.get(context, apiKey));
  }

  @Query(() => ApiKeyConnection, { name: 'apiKeys' })
  @RequireTenant('keys:read')
  async list(@Tenant() context: TenantContext, @Args() args: NamedTenantConnectionArgs): Promise<Connection<ApiKeyModel>> {
    return toConnection(await this.keys.list(context, args.toPage(), args.name ?? undefined), args, toApiKeyModel);
  }

  @Mutation(() => CreateApiKeyPayload)
  @RequireTenant('keys:manage')
  @Audited('api-key.create')
  createApiKey(@Tenant() context: TenantContext, @Args('input') input: CreateApiKeyInput): Promise<CreateApiKeyPayload> {
    return this.mutations.run(context, 'createApiKey', input, async () => toCreateApiKeyPayload(await this.keys.create(context, input.apiKey)));
  }

  @Mutation(() => RotateApiKeyPayload, { description: 'Gives a key a new credential; the present one works until the overlap ends.' })
  @RequireTenant('keys:manage')
  @Audited('api-key.rotate')
  rotateApiKey(@Tenant() context: TenantContext, @Args('input') input: RotateApiKeyInput): Promise<RotateApiKeyPayload> {
    return this.mutations.run(context, 'rotateApiKey', input, async () => toCreateApiKeyPayload(await this.keys.rotate(context, input.apiKey, input.overlapSeconds, input.ifMatch)));
  }

  @Mutation(() => RevokeApiKeyPayload)
  @RequireTenant('keys:manage')
  @Audited('api-key.revoke')
  revokeApiKey(@Tenant() context: TenantContext, @Args('input') input: RevokeApiKeyInput): Promise<RevokeApiKeyPayload> {
    return this.mutations.run(context, 'revokeApiKey', input, async () => ({ apiKey: toApiKeyModel(await this.keys.revoke(context, input.apiKey, input.ifMatch)) }));
  }

  @NodeOf('ApiKey', 'keys:read')
  async byNodeId(context: TenantContext, id: string): Promise<ApiKeyModel> {
    return toApiKeyModel(await this.keys.get(context, id));
  }

  @ResolveField(() => ID, { name: 'id' })
  @RequireParent('keys:read')
  nodeId(@Parent() apiKey: ApiKeyModel): string {
    return encodeGlobalId('ApiKey', apiKey.tenantId, apiKey.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequireParent('keys:read')
  uuid(@Parent() apiKey: ApiKeyModel): string {
    return apiKey.id;
  }
}
