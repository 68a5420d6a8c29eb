import { Args, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { tenantNotFound } from '../../../platform/auth/access.guard.js';
import { Caller, RequirePlatform, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import { connectionOf, toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { NodeOf } from '../../../platform/graphql/node.js';
import { audienceOf } from '../tenant-audience.policy.js';
import { TenantsService } from '../tenants.service.js';
import { toTenantModel, toTenantPayload } from './tenant.mapper.js';
import { ChangeTenantInput, CreateTenantInput, DeleteTenantInput, NamedConnectionArgs, SuspendTenantInput, TenantModel, TenantPayload } from './tenant.model.js';

const TenantConnection = connectionOf(TenantModel, 'Tenant');

@Resolver(() => TenantModel)
export class TenantsResolver {
  constructor(
    private readonly tenants: TenantsService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Query(() => TenantModel, { description: 'One tenant, by name or UUID.' })
  @RequireTenant('tenant:read')
  async tenant(@Tenant() context: TenantContext, @Args('tenant') _tenant: string): Promise<TenantModel> {
    return toTenantModel(await this.tenants.get(context));
  }

  @Query(() => TenantConnection, { name: 'tenants' })
  @RequirePlatform('authenticated')
  async list(@Caller() caller: SystemContext, @Args() args: NamedConnectionArgs): Promise<Connection<TenantModel>> {
    return toConnection(await this.tenants.list(caller, audienceOf(caller.principal), args.toPage(), args.name ?? undefined), args, toTenantModel);
  }

  @Mutation(() => TenantPayload)
  @RequirePlatform('tenants:create')
  @Audited('tenant.create')
  createTenant(@Caller() caller: SystemContext, @Args('input') input: CreateTenantInput): Promise<TenantPayload> {
    return this.mutations.run(caller, 'createTenant', input, async () => toTenantPayload(await this.tenants.create(caller, input.tenant)));
  }

  @Mutation(() => TenantPayload)
  @RequireTenant('tenant:update')
  @Audited('tenant.update')
  changeTenant(@Tenant() context: TenantContext, @Args('input') input: ChangeTenantInput): Promise<TenantPayload> {
    return this.mutations.run(context, 'changeTenant', input, async () => toTenantPayload(await this.tenants.change(context, input.change, input.ifMatch)));
  }

  @Mutation(() => TenantPayload)
  @RequireTenant('tenant:suspend')
  @Audited('tenant.suspend')
  suspendTenant(@Tenant() context: TenantContext, @Args('input') input: SuspendTenantInput): Promise<TenantPayload> {
    return this.mutations.run(context, 'suspendTenant', input, async () => toTenantPayload(await this.tenants.suspend(context, input.level, input.ifMatch)));
  }

  @Mutation(() => TenantPayload)
  @RequireTenant('tenant:delete')
  @Audited('tenant.delete')
  deleteTenant(@Tenant() context: TenantContext, @Args('input') input: DeleteTenantInput): Promise<TenantPayload> {
    return this.mutations.run(context, 'deleteTenant', input, async () => toTenantPayload(await this.tenants.delete(context, input.ifMatch)));
  }

  @NodeOf('Tenant', 'tenant:read')
  async byNodeId(context: TenantContext, id: string): Promise<TenantModel> {
    if (id !== context.tenantId) throw tenantNotFound();
    return toTenantModel(await this.tenants.get(context));
  }

  // No lookup of the tenant: a creation that is only checked has none.
  @ResolveField(() => ID, { name: 'id' })
  @RequirePlatform('authenticated')
  nodeId(@Parent() tenant: TenantModel): string {
    return encodeGlobalId('Tenant', tenant.id, tenant.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequirePlatform('authenticated')
  uuid(@Parent() tenant: TenantModel): string {
    return tenant.id;
  }
}
