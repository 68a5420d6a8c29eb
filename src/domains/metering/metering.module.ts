import { Module } from '@nestjs/common';
import { FunctionsModule } from '../functions/functions.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { FunctionMetricsController } from './api/function-metrics.controller.js';
import { FunctionMetricsResolver } from './api/function-metrics.resolver.js';
import { UsageController } from './api/usage.controller.js';
import { UsageResolver } from './api/usage.resolver.js';
import { CapacityLedger } from './capacity-ledger.service.js';
import { FunctionMetricsService } from './function-metrics.service.js';
import { CleanFunctionMetricsJob } from './jobs/clean-function-metrics.job.js';
import { LedgerService } from './ledger.service.js';
import { MeterService } from './meter.service.js';
import { MetricsBooking } from './metrics-booking.js';
import { CapacityLedgerRepository } from './store/capacity-ledger.repository.js';
import { CapacityRepository } from './store/capacity.repository.js';
import { LedgerRepository } from './store/ledger.repository.js';
import { MetricReadingRepository } from './store/metric-reading.repository.js';
import { MetricWritingRepository } from './store/metric-writing.repository.js';
import { UsageRepository } from './store/usage.repository.js';
import { UsageService } from './usage.service.js';

@Module({
  imports: [TenantsModule, FunctionsModule],
  controllers: [UsageController, FunctionMetricsController],
  providers: [
    LedgerService, LedgerRepository, CapacityLedger, CapacityLedgerRepository, CapacityRepository, UsageService, UsageRepository, UsageResolver, MeterService,
    FunctionMetricsService, FunctionMetricsResolver, MetricReadingRepository, MetricWritingRepository, MetricsBooking, CleanFunctionMetricsJob,
  ],
  exports: [UsageService, LedgerService, CapacityLedger, MeterService, MetricsBooking],
})
export class MeteringModule {}
