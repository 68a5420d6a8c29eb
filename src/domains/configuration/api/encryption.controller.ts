import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Audited } from '../../../platform/audit/audited.js';
import { Caller, RequirePlatform } from '../../../platform/auth/authorization.js';
import type { SystemContext } from '../../../platform/context/context.js';
import { EncryptionService } from '../encryption.service.js';
import { toEncryptionModel } from './encryption.mapper.js';
import { EncryptionModel } from './encryption.model.js';

@ApiTags('encryption')
@Controller('v1/encryption')
export class EncryptionController {
  constructor(private readonly encryption: EncryptionService) {}

  @Get()
  @RequirePlatform('encryption:read')
  @ApiOkResponse({ type: EncryptionModel })
  async get(@Caller() caller: SystemContext): Promise<EncryptionModel> {
    return toEncryptionModel(await this.encryption.status(caller));
  }

  @Post('rewrap')
  @HttpCode(202)
  @RequirePlatform('encryption:manage')
  @Audited('encryption.rewrap')
  @ApiAcceptedResponse({ type: EncryptionModel, description: 'Its `rewrap` tells how far it is.' })
  async rewrap(@Caller() caller: SystemContext): Promise<EncryptionModel> {
    return toEncryptionModel(await this.encryption.requestRewrap(caller));
  }
}
