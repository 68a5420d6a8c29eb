import { Args, ID, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Caller, RequirePlatform } from '../../../platform/auth/authorization.js';
import type { SystemContext } from '../../../platform/context/context.js';
import { connectionOf, toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { PlatformNodeOf } from '../../../platform/graphql/node.js';
import { NamedConnectionArgs } from '../../tenants/api/tenant.model.js';
import { PlansService } from '../plans.service.js';
import { toPlanModel } from './quota.mapper.js';
import { PlanModel } from './quota.model.js';

const PlanConnection = connectionOf(PlanModel, 'Plan');

@Resolver(() => PlanModel)
export class PlansResolver {
  constructor(private readonly plans: PlansService) {}

  @Query(() => PlanModel, { description: 'One plan, by name.' })
  @RequirePlatform('plans:read')
  async plan(@Caller() caller: SystemContext, @Args('plan') plan: string): Promise<PlanModel> {
    return toPlanModel(await this.plans.get(caller, plan));
  }

  @Query(() => PlanConnection, { name: 'plans' })
  @RequirePlatform('plans:read')
  async list(@Caller() caller: SystemContext, @Args() args: NamedConnectionArgs): Promise<Connection<PlanModel>> {
    return toConnection(await this.plans.list(caller, args.toPage(), args.name ?? undefined), args, toPlanModel);
  }

  @PlatformNodeOf('Plan', 'plans:read')
  async byNodeId(caller: SystemContext, id: string): Promise<PlanModel> {
    return toPlanModel(await this.plans.get(caller, id));
  }

  @ResolveField(() => ID, { name: 'id' })
  @RequirePlatform('plans:read')
  nodeId(@Parent() plan: PlanModel): string {
    return encodeGlobalId('Plan', '', plan.name);
  }
}
