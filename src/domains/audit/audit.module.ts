import { Module } from '@nestjs/common';
import { RefusalLog } from '../../platform/audit/refusal-log.js';
import { AuditController } from './api/audit.controller.js';
import { AuditResolver } from './api/audit.resolver.js';
import { TenantAuditResolver } from './api/tenant-audit.resolver.js';
import { AuditService } from './audit.service.js';
import { AuditRepository } from './store/audit.repository.js';
import { StoredRefusalLog } from './stored-refusal-log.js';

@Module({
  controllers: [AuditController],
  providers: [AuditService, AuditRepository, AuditResolver, TenantAuditResolver, { provide: RefusalLog, useClass: StoredRefusalLog }],
  exports: [AuditService, RefusalLog],
})
export class AuditModule {}
