import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { EventsModule } from '../events/events.module.js';
import { OperationsModule } from '../operations/operations.module.js';
import { TenantsController } from './api/tenants.controller.js';
import { TenantsResolver } from './api/tenants.resolver.js';
import { TenantJob } from './jobs/tenant.job.js';
import { TenantsRepository } from './store/tenants.repository.js';
import { TenantDirectory } from './tenant-directory.js';
import { TenantParticipants } from './tenant-participants.js';
import { TenantsService } from './tenants.service.js';

@Module({
  imports: [AuditModule, EventsModule, OperationsModule],
  controllers: [TenantsController],
  providers: [TenantsService, TenantsRepository, TenantParticipants, TenantDirectory, TenantJob, TenantsResolver],
  exports: [TenantsService, TenantParticipants, TenantJob, TenantDirectory],
})
export class TenantsModule {}
