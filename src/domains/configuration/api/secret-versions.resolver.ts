import { Args, Context, Mutation, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireParent, RequireTenant, Tenant, type StatefulRequest } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ConnectionArgs, connectionOf, type Connection } from '../../../platform/graphql/connection.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { SecretVersionsService } from '../secret-versions.service.js';
import { SecretLoaders } from './secret-loaders.js';
import { toSecretPayload, toSecretVersionConnection } from './secret.mapper.js';
import { SecretModel, SecretPayload } from './secret.model.js';
import { SecretVersionInput, SecretVersionModel } from './secret-version.model.js';

const SecretVersionConnection = connectionOf(SecretVersionModel, 'SecretVersion');

@Resolver(() => SecretModel)
export class SecretVersionsResolver {
  constructor(
    private readonly versions: SecretVersionsService,
    private readonly loaders: SecretLoaders,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Mutation(() => SecretPayload, { description: 'Makes a kept version of the secret the current one again.' })
  @RequireTenant('secrets:write')
  @Audited('secret.activate')
  activateSecretVersion(@Tenant() context: TenantContext, @Args('input') input: SecretVersionInput): Promise<SecretPayload> {
    return this.mutations.run(context, 'activateSecretVersion', input, async () => toSecretPayload(await this.versions.activate(context, input.name, input.number, input.ifMatch ?? undefined)));
  }

  @Mutation(() => SecretPayload, { description: 'Destroys the values of a version that is not the current one, for good.' })
  @RequireTenant('secrets:write')
  @Audited('secret.destroy-version')
  destroySecretVersion(@Tenant() context: TenantContext, @Args('input') input: SecretVersionInput): Promise<SecretPayload> {
    return this.mutations.run(context, 'destroySecretVersion', input, async () => toSecretPayload(await this.versions.destroy(context, input.name, input.number, input.ifMatch ?? undefined)));
  }

  @ResolveField(() => SecretVersionConnection, { name: 'versions', description: 'Oldest first.' })
  @RequireParent('secrets:read')
  async ofSecret(@Tenant() context: TenantContext, @Parent() secret: SecretModel, @Args() args: ConnectionArgs, @Context('req') request: StatefulRequest): Promise<Connection<SecretVersionModel>> {
    const page = args.after === undefined || args.after === null
      ? await this.loaders.firstVersions(request, context, secret, args.first)
      : await this.versions.list(context, secret.id, args.toPage());
    return toSecretVersionConnection(page, args);
  }
}
