import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Caller, RequirePlatform } from '../../../platform/auth/authorization.js';
import type { SystemContext } from '../../../platform/context/context.js';
import { toViewerModel } from './access.mapper.js';
import { ViewerModel } from './viewer.model.js';

@ApiTags('access')
@Controller('v1/me')
export class ViewerController {
  @Get()
  @RequirePlatform('authenticated')
  @ApiOkResponse({ type: ViewerModel })
  me(@Caller() caller: SystemContext): ViewerModel {
    return toViewerModel(caller.principal);
  }
}
