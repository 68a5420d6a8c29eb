import { Inject } from '@nestjs/common';
import { Args, Context, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireParent, RequireTenant, Tenant, type StatefulRequest } from '../../../platform/auth/authorization.js';
import type { Config } from '../../../platform/config/config.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { connectionOf, toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { NodeOf } from '../../../platform/graphql/node.js';
import { CONFIG } from '../../../platform/tokens.js';
import { FunctionsService } from '../functions.service.js';
import { FunctionLoaders } from './function-loaders.js';
import { toFunctionBody, toFunctionModel, toFunctionPatch, toFunctionPayload, toRevisionConnection, type Addresses } from './function.mapper.js';
import { NamedTenantConnectionArgs } from '../../tenants/api/tenant.model.js';
import { DeleteFunctionInput, DeployFunctionInput, FunctionModel, FunctionPayload, PatchFunctionInput, RevisionsArgs } from './function.model.js';
import { RevisionModel } from './revision.model.js';
import { underPointer } from '../../../platform/graphql/under-pointer.js';

export const FunctionConnection = connectionOf(FunctionModel, 'Function');
const RevisionConnection = connectionOf(RevisionModel, 'Revision');

@Resolver(() => FunctionModel)
export class FunctionsResolver {
  constructor(
    private readonly functions: FunctionsService,
    private readonly loaders: FunctionLoaders,
    private readonly mutations: GraphqlMutations,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Query(() => FunctionModel, { name: 'function', description: 'One function, by name or UUID.' })
  @RequireTenant('functions:read')
  async get(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('function') reference: string): Promise<FunctionModel> {
    return toFunctionModel(await this.functions.get(context, reference), this.addresses(context));
  }

  @Query(() => FunctionConnection, { name: 'functions' })
  @RequireTenant('functions:read')
  async list(@Tenant() context: TenantContext, @Args() args: NamedTenantConnectionArgs): Promise<Connection<FunctionModel>> {
    const addresses = this.addresses(context);
    return toConnection(await this.functions.list(context, args.toPage(), args.name ?? undefined), args, (row) => toFunctionModel(row, addresses));
  }

  @Mutation(() => FunctionPayload, { description: 'Creates the function or makes it what the input says; the same again changes nothing.' })
  @RequireTenant('functions:deploy')
  @Audited('function.deploy')
  deployFunction(@Tenant() context: TenantContext, @Args('input') input: DeployFunctionInput): Promise<FunctionPayload> {
    const body = toFunctionBody(input.function.name, input.function);
    return this.mutations.run(context, 'deployFunction', input, () => underPointer('/function', async () =>
      toFunctionPayload(await this.functions.deploy(context, body.name, body, input.ifMatch ?? undefined), this.addresses(context))));
  }

  @Mutation(() => FunctionPayload, { description: 'Changes single fields: null removes, what is absent stays.' })
  @RequireTenant('functions:deploy')
  @Audited('function.update')
  patchFunction(@Tenant() context: TenantContext, @Args('input') input: PatchFunctionInput): Promise<FunctionPayload> {
    return this.mutations.run(context, 'patchFunction', input, () => underPointer('/change', async () =>
      toFunctionPayload(await this.functions.patch(context, input.function, toFunctionPatch(input.change), input.ifMatch ?? undefined), this.addresses(context))));
  }

  @Mutation(() => FunctionPayload, { description: 'Starts the deletion; the function is visible until nothing of it is left on the clusters.' })
  @RequireTenant('functions:delete')
  @Audited('function.delete')
  deleteFunction(@Tenant() context: TenantContext, @Args('input') input: DeleteFunctionInput): Promise<FunctionPayload> {
    return this.mutations.run(context, 'deleteFunction', input, async () =>
      toFunctionPayload(await this.functions.delete(context, input.function, input.ifMatch ?? undefined), this.addresses(context)));
  }

  @NodeOf('Function', 'functions:read')
  async byNodeId(context: TenantContext, id: string): Promise<FunctionModel> {
    return toFunctionModel(await this.functions.get(context, id), this.addresses(context));
  }

  @ResolveField(() => ID, { name: 'id' })
  @RequireParent('functions:read')
  nodeId(@Parent() fn: FunctionModel): string {
    return encodeGlobalId('Function', fn.tenantId, fn.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequireParent('functions:read')
  uuid(@Parent() fn: FunctionModel): string {
    return fn.id;
  }

  @ResolveField(() => RevisionConnection, { description: 'Oldest first.' })
  @RequireParent('functions:read')
  async revisions(@Tenant() context: TenantContext, @Parent() fn: FunctionModel, @Args() args: RevisionsArgs, @Context('req') request: StatefulRequest): Promise<Connection<RevisionModel>> {
    const page = args.after === undefined || args.after === null
      ? await this.loaders.firstRevisions(request, context, fn.id, args.first)
      : await this.functions.revisions(context, fn.id, args.toPage());
    return toRevisionConnection(page, args);
  }

  private addresses(context: TenantContext): Addresses {
    return { gatewayUrl: this.config.FNPLANE_GATEWAY_URL, tenantName: context.tenantName };
  }
}
