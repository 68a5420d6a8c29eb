import { Inject } from '@nestjs/common';
import { Args, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { RequireParent, Tenant } from '../../../platform/auth/authorization.js';
import type { Config } from '../../../platform/config/config.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { CONFIG } from '../../../platform/tokens.js';
import { NamedConnectionArgs, TenantModel } from '../../tenants/api/tenant.model.js';
import { FunctionsService } from '../functions.service.js';
import { toFunctionModel } from './function.mapper.js';
import type { FunctionModel } from './function.model.js';
import { FunctionConnection } from './functions.resolver.js';

/** A tenant's functions, from the tenant. */
@Resolver(() => TenantModel)
export class TenantFunctionsResolver {
  constructor(
    private readonly functions: FunctionsService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @ResolveField(() => FunctionConnection, { name: 'functions' })
  @RequireParent('functions:read')
  async list(@Tenant() context: TenantContext, @Parent() _tenant: TenantModel, @Args() args: NamedConnectionArgs): Promise<Connection<FunctionModel>> {
    const addresses = { gatewayUrl: this.config.FNPLANE_GATEWAY_URL, tenantName: context.tenantName };
    return toConnection(await this.functions.list(context, args.toPage(), args.name ?? undefined), args, (row) => toFunctionModel(row, addresses));
  }
}
