import { Args, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireParent, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { connectionOf, toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { NodeOf } from '../../../platform/graphql/node.js';
import { SecretsService } from '../secrets.service.js';
import { toSecretModel, toSecretPayload } from './secret.mapper.js';
import { DeleteSecretInput, PutSecretInput, SecretModel, SecretPayload } from './secret.model.js';
import { NamedTenantConnectionArgs } from '../../tenants/api/tenant.model.js';

export const SecretConnection = connectionOf(SecretModel, 'Secret');

@Resolver(() => SecretModel)
export class SecretsResolver {
  constructor(
    private readonly secrets: SecretsService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Query(() => SecretModel, { description: 'One secret, by name or UUID.' })
  @RequireTenant('secrets:read')
  async secret(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('secret') secret: string): Promise<SecretModel> {
    return toSecretModel(await this.secrets.get(context, secret));
  }

  @Query(() => SecretConnection, { name: 'secrets' })
  @RequireTenant('secrets:read')
  async list(@Tenant() context: TenantContext, @Args() args: NamedTenantConnectionArgs): Promise<Connection<SecretModel>> {
    return toConnection(await this.secrets.list(context, args.toPage(), args.name ?? undefined), args, toSecretModel);
  }

  @Mutation(() => SecretPayload, { description: 'Creates the secret or gives it a new version.' })
  @RequireTenant('secrets:write')
  @Audited('secret.update')
  putSecret(@Tenant() context: TenantContext, @Args('input') input: PutSecretInput): Promise<SecretPayload> {
    return this.mutations.run(context, 'putSecret', input, async () => toSecretPayload((await this.secrets.put(context, input.name, input.data, input.ifMatch)).row));
  }

  @Mutation(() => SecretPayload, { description: 'Deletes a secret no function uses.' })
  @RequireTenant('secrets:write')
  @Audited('secret.delete')
  deleteSecret(@Tenant() context: TenantContext, @Args('input') input: DeleteSecretInput): Promise<SecretPayload> {
    return this.mutations.run(context, 'deleteSecret', input, async () => toSecretPayload(await this.secrets.delete(context, input.name, input.ifMatch)));
  }

  @NodeOf('Secret', 'secrets:read')
  async byNodeId(context: TenantContext, id: string): Promise<SecretModel> {
    return toSecretModel(await this.secrets.get(context, id));
  }

  @ResolveField(() => ID, { name: 'id' })
  @RequireParent('secrets:read')
  nodeId(@Parent() secret: SecretModel): string {
    return encodeGlobalId('Secret', secret.tenantId, secret.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequireParent('secrets:read')
  uuid(@Parent() secret: SecretModel): string {
    return secret.id;
  }
}
