import { Module } from '@nestjs/common';
import { FunctionsModule } from '../functions/functions.module.js';
import { InvocationsController } from './api/invocations.controller.js';
import { InvocationsResolver } from './api/invocations.resolver.js';
import { FunctionCalls } from './function-calls.js';
import { GatewayLink } from './gateway-link.js';
import { InvocationsService } from './invocations.service.js';

@Module({
  imports: [FunctionsModule],
  controllers: [InvocationsController],
  providers: [InvocationsService, FunctionCalls, GatewayLink, InvocationsResolver],
  exports: [InvocationsService, FunctionCalls],
})
export class InvocationsModule {}
