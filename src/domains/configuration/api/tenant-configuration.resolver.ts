import { Args, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { RequireParent, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { NamedConnectionArgs, TenantModel } from '../../tenants/api/tenant.model.js';
import { ConfigSetsService } from '../config-sets.service.js';
import { SecretsService } from '../secrets.service.js';
import { toConfigSetModel } from './config-set.mapper.js';
import type { ConfigSetModel } from './config-set.model.js';
import { ConfigSetConnection } from './config-sets.resolver.js';
import { toSecretModel } from './secret.mapper.js';
import type { SecretModel } from './secret.model.js';
import { SecretConnection } from './secrets.resolver.js';

/** A tenant's own sets, from the tenant. */
@Resolver(() => TenantModel)
export class TenantConfigurationResolver {
  constructor(
    private readonly sets: ConfigSetsService,
    private readonly allSecrets: SecretsService,
  ) {}

  @ResolveField(() => ConfigSetConnection)
  @RequireParent('configuration:read')
  async configSets(@Tenant() context: TenantContext, @Parent() _tenant: TenantModel, @Args() args: NamedConnectionArgs): Promise<Connection<ConfigSetModel>> {
    return toConnection(await this.sets.list(context, args.toPage(), args.name ?? undefined), args, toConfigSetModel);
  }

  @ResolveField(() => SecretConnection)
  @RequireParent('secrets:read')
  async secrets(@Tenant() context: TenantContext, @Parent() _tenant: TenantModel, @Args() args: NamedConnectionArgs): Promise<Connection<SecretModel>> {
    return toConnection(await this.allSecrets.list(context, args.toPage(), args.name ?? undefined), args, toSecretModel);
  }
}
