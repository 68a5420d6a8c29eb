import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Caller, RequirePlatform } from '../../../platform/auth/authorization.js';
import type { SystemContext } from '../../../platform/context/context.js';
import { NamedPageQuery, pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { PlansService } from '../plans.service.js';
import { toPlanModel } from './quota.mapper.js';
import { PlanModel } from './quota.model.js';

const PlanPage = pageOf(PlanModel, 'Plan');

@ApiTags('plans')
@Controller('v1/plans')
export class PlansController {
  constructor(private readonly plans: PlansService) {}

  @Get()
  @RequirePlatform('plans:read')
  @ApiOkResponse({ type: PlanPage })
  async list(@Caller() caller: SystemContext, @Query() query: NamedPageQuery): Promise<PageBody<PlanModel>> {
    return toPageBody(await this.plans.list(caller, query.toPage(), query.name), toPlanModel);
  }

  @Get(':plan')
  @RequirePlatform('plans:read')
  @ApiOkResponse({ type: PlanModel })
  async get(@Caller() caller: SystemContext, @Param('plan') plan: string): Promise<PlanModel> {
    return toPlanModel(await this.plans.get(caller, plan));
  }
}
