import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { FunctionPlacesService } from '../function-places.service.js';
import { toFunctionPlacesModel } from './function-places.mapper.js';
import { FunctionPlacesModel } from './function-places.model.js';

@ApiTags('functions')
@Controller('v1/tenants/:tenant/functions/:function/places')
export class FunctionPlacesController {
  constructor(private readonly places: FunctionPlacesService) {}

  /** Where the function is, and why. */
  @Get()
  @RequireTenant('functions:read')
  @ApiOkResponse({ type: FunctionPlacesModel })
  async get(@Tenant() context: TenantContext, @Param('function') reference: string): Promise<FunctionPlacesModel> {
    return toFunctionPlacesModel(await this.places.get(context, reference));
  }
}
