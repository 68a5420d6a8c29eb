import { Context, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { RequireParent, Tenant, type StatefulRequest } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { toTenantModel } from '../../tenants/api/tenant.mapper.js';
import { TenantModel } from '../../tenants/api/tenant.model.js';
import { TenantsService } from '../../tenants/tenants.service.js';
import { FunctionModel } from './function.model.js';

/** A function's tenant: read once for all functions of a request. */
@Resolver(() => FunctionModel)
export class FunctionTenantResolver {
  private readonly read = new WeakMap<object, Map<string, Promise<TenantModel>>>();

  constructor(private readonly tenants: TenantsService) {}

  @ResolveField(() => TenantModel)
  @RequireParent('tenant:read')
  tenant(@Tenant() context: TenantContext, @Parent() _fn: FunctionModel, @Context('req') request: StatefulRequest): Promise<TenantModel> {
    const ofRequest = this.read.get(request) ?? new Map<string, Promise<TenantModel>>();
    this.read.set(request, ofRequest);
    const found = ofRequest.get(context.tenantId) ?? this.tenants.get(context).then(toTenantModel);
    ofRequest.set(context.tenantId, found);
    return found;
  }
}
