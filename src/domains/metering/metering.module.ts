import { Module } from '@nestjs/common';
import { FunctionsModule } from '../functions/functions.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { UsageController } from './api/usage.controller.js';
import { UsageResolver } from './api/usage.resolver.js';
import { LedgerService } from './ledger.service.js';
import { MeterService } from './meter.service.js';
import { LedgerRepository } from './store/ledger.repository.js';
import { UsageRepository } from './store/usage.repository.js';
import { UsageService } from './usage.service.js';

@Module({
  imports: [TenantsModule, FunctionsModule],
  controllers: [UsageController],
  providers: [LedgerService, LedgerRepository, UsageService, UsageRepository, UsageResolver, MeterService],
  exports: [UsageService, LedgerService, MeterService],
})
export class MeteringModule {}
