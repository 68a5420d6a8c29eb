import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { PlacementSettingsService } from '../placement-settings.service.js';
import { toPlacementSettingsModel, toPlacementWish } from './cluster.mapper.js';
import { PlacementSettingsBody, PlacementSettingsModel } from './placement.model.js';

@ApiTags('clusters')
@Controller('v1/tenants/:tenant/placement')
export class PlacementSettingsController {
  constructor(private readonly settings: PlacementSettingsService) {}

  @Get()
  @RequireTenant('tenant:read')
  @ApiOkResponse({ type: PlacementSettingsModel })
  async get(@Tenant() context: TenantContext): Promise<PlacementSettingsModel> {
    return toPlacementSettingsModel(await this.settings.get(context));
  }

  @Put()
  @RequireTenant('placement:manage')
  @Audited('placement.update')
  @ApiOkResponse({ type: PlacementSettingsModel, description: 'What is needed to meet it follows; the placements tell how far it is.' })
  @ETAG_HEADER
  async put(@Tenant() context: TenantContext, @IfMatch() expected: ExpectedEtag, @Body() body: PlacementSettingsBody): Promise<PlacementSettingsModel> {
    return toPlacementSettingsModel(await this.settings.put(context, toPlacementWish(body), expected));
  }
}
