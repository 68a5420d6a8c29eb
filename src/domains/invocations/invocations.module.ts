import { Module } from '@nestjs/common';
import { ClustersModule } from '../clusters/clusters.module.js';
import { FunctionsModule } from '../functions/functions.module.js';
import { InvocationsController } from './api/invocations.controller.js';
import { InvocationsResolver } from './api/invocations.resolver.js';
import { GatewayLink } from './gateway-link.js';
import { InvocationsService } from './invocations.service.js';

@Module({
  imports: [ClustersModule, FunctionsModule],
  controllers: [InvocationsController],
  providers: [InvocationsService, GatewayLink, InvocationsResolver],
  exports: [InvocationsService],
})
export class InvocationsModule {}
