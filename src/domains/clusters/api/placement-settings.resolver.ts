import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { PlacementSettingsService } from '../placement-settings.service.js';
import { toPlacementSettingsModel, toPlacementSettingsPayload, toPlacementWish } from './cluster.mapper.js';
import { PlacementSettingsModel, PlacementSettingsPayload, SetPlacementInput } from './placement.model.js';

@Resolver(() => PlacementSettingsModel)
export class PlacementSettingsResolver {
  constructor(
    private readonly settings: PlacementSettingsService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Query(() => PlacementSettingsModel, { name: 'placementSettings', description: 'What a tenant asks of its places, and what comes of it.' })
  @RequireTenant('tenant:read')
  async get(@Tenant() context: TenantContext, @Args('tenant') _tenant: string): Promise<PlacementSettingsModel> {
    return toPlacementSettingsModel(await this.settings.get(context));
  }

  @Mutation(() => PlacementSettingsPayload, { description: 'Sets all of it: what is left out is as if nothing had been asked.' })
  @RequireTenant('placement:manage')
  @Audited('placement.update')
  setPlacement(@Tenant() context: TenantContext, @Args('input') input: SetPlacementInput): Promise<PlacementSettingsPayload> {
    return this.mutations.run(context, 'setPlacement', input, async () => toPlacementSettingsPayload(await this.settings.put(context, toPlacementWish(input.placement), input.ifMatch)));
  }
}
