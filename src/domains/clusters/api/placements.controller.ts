import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { PageQuery, pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { PlacementsService } from '../placements.service.js';
import { toPlacementModel } from './cluster.mapper.js';
import { PlacementModel } from './placement.model.js';

const PlacementPage = pageOf(PlacementModel, 'Placement');

@ApiTags('clusters')
@Controller('v1/tenants/:tenant/placements')
export class PlacementsController {
  constructor(private readonly placements: PlacementsService) {}

  @Get()
  @RequireTenant('tenant:read')
  @ApiOkResponse({ type: PlacementPage })
  async list(@Tenant() context: TenantContext, @Query() query: PageQuery): Promise<PageBody<PlacementModel>> {
    return toPageBody(await this.placements.page(context, query.toPage()), toPlacementModel);
  }
}
