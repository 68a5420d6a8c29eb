import { Module } from '@nestjs/common';
import { FunctionsModule } from '../functions/functions.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { UsageController } from './api/usage.controller.js';
import { UsageResolver } from './api/usage.resolver.js';
import { CapacityLedger } from './capacity-ledger.service.js';
import { LedgerService } from './ledger.service.js';
import { MeterService } from './meter.service.js';
import { CapacityLedgerRepository } from './store/capacity-ledger.repository.js';
import { CapacityRepository } from './store/capacity.repository.js';
import { LedgerRepository } from './store/ledger.repository.js';
import { UsageRepository } from './store/usage.repository.js';
import { UsageService } from './usage.service.js';

@Module({
  imports: [TenantsModule, FunctionsModule],
  controllers: [UsageController],
  providers: [LedgerService, LedgerRepository, CapacityLedger, CapacityLedgerRepository, CapacityRepository, UsageService, UsageRepository, UsageResolver, MeterService],
  exports: [UsageService, LedgerService, CapacityLedger, MeterService],
})
export class MeteringModule {}
