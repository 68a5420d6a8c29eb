import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { ClustersModule } from '../clusters/clusters.module.js';
import { ConfigurationModule } from '../configuration/configuration.module.js';
import { FunctionsModule } from '../functions/functions.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { TenantTriggersResolver } from './api/tenant-triggers.resolver.js';
import { TriggersController } from './api/triggers.controller.js';
import { TriggersResolver } from './api/triggers.resolver.js';
import { HttpTriggersRepository } from './store/http-triggers.repository.js';
import { TriggerChecks } from './trigger-checks.js';
import { TriggersConfiguration } from './triggers-configuration.js';
import { TriggersContributor } from './triggers.contributor.js';
import { TriggersService } from './triggers.service.js';

@Module({
  imports: [AuditModule, TenantsModule, ClustersModule, ConfigurationModule, FunctionsModule],
  controllers: [TriggersController],
  providers: [TriggersService, TriggerChecks, TriggersContributor, TriggersConfiguration, HttpTriggersRepository, TriggersResolver, TenantTriggersResolver],
  exports: [TriggersService],
})
export class TriggersModule {}
