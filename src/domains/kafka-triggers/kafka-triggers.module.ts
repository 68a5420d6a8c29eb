import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { ConfigurationModule } from '../configuration/configuration.module.js';
import { FunctionsModule } from '../functions/functions.module.js';
import { InvocationsModule } from '../invocations/invocations.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { KafkaTriggersController } from './api/kafka-triggers.controller.js';
import { KafkaTriggersResolver } from './api/kafka-triggers.resolver.js';
import { ConsumeKafkaJob } from './jobs/consume-kafka.job.js';
import { KafkaTriggerChanges } from './kafka-trigger-changes.js';
import { KafkaTriggersService } from './kafka-triggers.service.js';
import { KafkaRunsRepository } from './store/kafka-runs.repository.js';
import { KafkaTriggersRepository } from './store/kafka-triggers.repository.js';

@Module({
  imports: [AuditModule, TenantsModule, ConfigurationModule, FunctionsModule, InvocationsModule],
  controllers: [KafkaTriggersController],
  providers: [KafkaTriggersService, KafkaTriggerChanges, KafkaTriggersRepository, KafkaRunsRepository, ConsumeKafkaJob, KafkaTriggersResolver],
  exports: [KafkaTriggersService],
})
export class KafkaTriggersModule {}
