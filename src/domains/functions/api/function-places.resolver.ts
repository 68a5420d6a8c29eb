import { Args, Query, Resolver } from '@nestjs/graphql';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { FunctionPlacesService } from '../function-places.service.js';
import { toFunctionPlacesModel } from './function-places.mapper.js';
import { FunctionPlacesModel } from './function-places.model.js';

@Resolver(() => FunctionPlacesModel)
export class FunctionPlacesResolver {
  constructor(private readonly places: FunctionPlacesService) {}

  @Query(() => FunctionPlacesModel, { name: 'functionPlaces', description: 'Where a function, by name or UUID, is, and why.' })
  @RequireTenant('functions:read')
  async get(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('function') reference: string): Promise<FunctionPlacesModel> {
    return toFunctionPlacesModel(await this.places.get(context, reference));
  }
}
