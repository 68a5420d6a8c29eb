import { Module } from '@nestjs/common';
import { AsyncInvocationsModule } from '../async-invocations/async-invocations.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { FunctionsModule } from '../functions/functions.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { CronTriggersController } from './api/cron-triggers.controller.js';
import { CronTriggersResolver } from './api/cron-triggers.resolver.js';
import { CronFiring } from './cron-firing.js';
import { CronLoop } from './cron-loop.js';
import { CronTriggersService } from './cron-triggers.service.js';
import { CronTriggersRepository } from './store/cron-triggers.repository.js';
import { DueTriggersRepository } from './store/due-triggers.repository.js';

@Module({
  imports: [AuditModule, TenantsModule, FunctionsModule, AsyncInvocationsModule],
  controllers: [CronTriggersController],
  providers: [CronTriggersService, CronFiring, CronLoop, CronTriggersRepository, DueTriggersRepository, CronTriggersResolver],
  exports: [CronTriggersService],
})
export class CronTriggersModule {}
